"""A run's event log as an AgentScope stream: what was, then what comes, for a bounded time."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from fujie import clock
from fujie.agents.lost import bury_if_lost
from fujie.agents.watching import POLL_S, LogReader
from fujie.errors import FujieError
from fujie.identity.rows import Consent
from fujie.protocols.agentscope.encode import Encoder
from fujie.sessions.rows import Run
from functions.chat.frames import Frame
from functions.chat.parts import Parts

BOUND_S = 25.0
"""The reader asks again: so no request of a waiting run outlives this."""
HEARTBEAT_S = 10.0
CONSENT_CHECK_S = 1.0
NUDGE_AFTER_S = 5.0
"""How long a run may wait for consents that are all settled before it is woken once more: its wake-up was lost."""

log = logging.getLogger(__name__)


@dataclass
class RunFrames:
    """A run's log as frames; sequence numbers are those of the first stream."""

    log: LogReader
    encoder: Encoder = field(default_factory=Encoder)

    async def news(self) -> list[Frame]:
        events = await self.log.news()
        return [Frame(number, body) for event in events for number, body in self.encoder.frames(event)]


async def watched(parts: Parts, run: Run, after: int, *, bound_s: float = BOUND_S) -> AsyncIterator[bytes]:
    """Yield the frames numbered above `after`, then live ones, until the run ends or `bound_s` has passed."""
    frames, minder = RunFrames(LogReader(parts.store, run.id)), _ConsentMinder(parts, run)
    loop = asyncio.get_running_loop()
    spoke = loop.time()
    end = spoke + bound_s
    yield b": hello\n\n"
    while True:
        news = [frame for frame in await frames.news() if frame.sequence_number > after]
        for frame in news:
            yield frame.encoded
        if frames.log.is_ended or loop.time() >= end:
            return
        if news:
            spoke = loop.time()
        elif loop.time() - spoke >= HEARTBEAT_S:
            spoke = loop.time()
            yield b": still here\n\n"
        await minder.mind(loop.time())
        await asyncio.sleep(POLL_S)


class _ConsentMinder:
    """While someone watches: ends consents whose time is over and runs whose worker died, repeats a lost wake-up."""

    def __init__(self, parts: Parts, run: Run) -> None:
        self._parts = parts
        self._run = run
        self._next_check = 0.0
        self._settled_since: float | None = None

    async def mind(self, at: float) -> None:
        if at < self._next_check:
            return
        self._next_check = at + CONSENT_CHECK_S
        run = await self._parts.store.run(self._run.id)
        if run is not None and run.status == "running":
            run = await bury_if_lost(self._parts.store, run)
            if run.status == "waiting":
                await self._wake(run.id, run.delegation_id)
        if run is None or run.status != "waiting":
            self._settled_since = None
            return
        still_open = await self._parts.store.open_consents(run.id)
        await self._expire(still_open)
        if self._overdue(at, still_open):
            await self._wake(run.id, run.delegation_id)

    async def _expire(self, still_open: Sequence[Consent]) -> None:
        """Expire what is due, in this run or any other, and wake the runs that waited for it."""
        if any(consent.expires_at <= clock.now() for consent in still_open):
            for consent in await self._parts.desk.expire_due():
                await self._wake(consent.run_id, consent.delegation_id)

    def _overdue(self, at: float, still_open: Sequence[Consent]) -> bool:
        if still_open:
            self._settled_since = None
            return False
        self._settled_since = self._settled_since or at
        if at - self._settled_since < NUDGE_AFTER_S:
            return False
        self._settled_since = at
        return True

    async def _wake(self, run_id: str, delegation_id: str) -> None:
        try:
            await self._parts.waker.wake(run_id, delegation_id)
        except FujieError as error:
            log.warning("run %s was not woken, will try again: %s", run_id, error.code)
