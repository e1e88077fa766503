"""Tells whoever asked for it that a run has paused, goes on or has ended, with the whole task as it is then."""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import replace

from fujie.agents.port import Runs
from fujie.agents.pushes.addresses import Addresses
from fujie.agents.pushes.guard import check_config, target_of
from fujie.agents.pushes.sending import Sender
from fujie.errors import FujieError
from fujie.protocols.a2a.encode import folded
from fujie.protocols.a2a.errors import PushRefusedError
from fujie.protocols.a2a.nouns import ENDED, Task
from fujie.protocols.a2a.push_config import PushConfig
from fujie.protocols.a2a.question import message_of
from fujie.protocols.a2a.shape import Shape
from fujie.protocols.a2a.v0_3.shape import V03
from fujie.protocols.a2a.v1_0.shape import V10
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.agentscope.words import compact
from fujie.sessions.rows import Run
from fujie.telemetry import kinds_and_places

MAX_PER_RUN = 8
MAX_TELLING = 1000
"""Runs that are being told of at once; of one more nobody is told, and the log says so."""
CLOSE_S = 5.0
_SHAPES: dict[str, Shape] = {"0.3": V03(), "1.0": V10()}
_log = logging.getLogger(__name__)


class Pushes:
    """Owns the telling: one after the other for each run, so that nobody hears of its end before its pause."""

    def __init__(self, addresses: Addresses, sender: Sender, *, local: bool) -> None:
        self._addresses = addresses
        self._sender = sender
        self._local = local
        self._telling: dict[str, asyncio.Task[None]] = {}

    async def set(self, run_id: str, config: PushConfig) -> PushConfig:
        """Keep an address, and return it with its id. Raises PushRefusedError."""
        await self.check(config)
        kept = replace(config, id=config.id or str(uuid.uuid4()))
        others = [other for other in await self._addresses.of(run_id) if other.id != kept.id]
        if len(others) >= MAX_PER_RUN:
            raise PushRefusedError("", f"a task tells at most {MAX_PER_RUN} addresses")
        await self._addresses.put(run_id, kept)
        return kept

    async def check(self, config: PushConfig) -> None:
        """Raises PushRefusedError for an address that is not called."""
        check_config(config, local=self._local)
        await target_of(config.url, local=self._local, resolve=self._sender.resolve)

    async def of(self, run_id: str) -> Sequence[PushConfig]:
        """Return a run's addresses."""
        return await self._addresses.of(run_id)

    async def drop(self, run_id: str, config_id: str) -> None:
        """Tell an address no more."""
        await self._addresses.drop(run_id, config_id)

    def changed(self, runs: Runs, run: Run) -> None:
        """Take note that a run has paused, goes on or has ended."""
        before = self._telling.get(run.id)
        if before is None and len(self._telling) >= MAX_TELLING:
            _log.warning("run %s: too many are being told of others to tell of it", run.id)
            return
        task = asyncio.create_task(self._tell_after(before, runs, run))
        self._telling[run.id] = task
        task.add_done_callback(lambda _: self._forget(run.id, task))

    async def settled(self, run_id: str) -> None:
        """Return when whoever is to hear of a run's last change has, or was tried often enough."""
        while (task := self._telling.get(run_id)) is not None:
            await asyncio.wait([task])

    async def close(self) -> None:
        """Give what is under way a moment, then end it."""
        tasks = set(self._telling.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_S)
            for task in late:
                task.cancel()
        await self._sender.close()

    def _forget(self, run_id: str, task: "asyncio.Task[None]") -> None:
        if self._telling.get(run_id) is task:
            del self._telling[run_id]

    async def _tell_after(self, before: "asyncio.Task[None] | None", runs: Runs, run: Run) -> None:
        """Read how the run stands at once, and tell it when it is its turn."""
        try:
            configs = await self._addresses.of(run.id)
            task = await _task(runs, run) if configs else None
            if before is not None:
                await asyncio.wait([before])
            if task is None:
                return
            await asyncio.gather(*(self._sender.send(config, _body(task, config)) for config in configs))
            if task.status.state in ENDED:
                await self._addresses.drop(run.id)
        except FujieError as error:
            _log.warning("run %s: nobody was told how it goes: %s: %s", run.id, error.code, error.message)
        except Exception as error:  # noqa: BLE001 - a fault of ours: the run itself is not touched by it
            _log.error("run %s: nobody was told how it goes: %s", run.id, kinds_and_places(error))


async def _task(runs: Runs, run: Run) -> Task:
    asked = message_of(AgentRequest.from_json(run.request)) if run.request else None
    return folded(run.id, run.session_id, asked, await runs.so_far(run.id, run.user))


def _body(task: Task, config: PushConfig) -> bytes:
    """Return the task in the words of the version that its client speaks."""
    shape = _SHAPES[config.version]
    return compact(shape.named("task", shape.task(task))).encode()
