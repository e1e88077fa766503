"""One worker's hold on one run: its lease, its log, and the events it hands to whoever listens."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fujie import clock
from fujie.agents.bounds import Bound
from fujie.agents.errors import RunTimeoutError, failure_of
from fujie.agents.log import RunLog
from fujie.errors import FujieError
from fujie.protocols.events import RunCanceled, RunEvent
from fujie.sessions.errors import FencedError, StoreError
from fujie.sessions.port import RunEnd, Store
from fujie.sessions.rows import Run, RunStatus
from fujie.telemetry import kinds_and_places

LEASE = timedelta(seconds=15)
"""How long a conversation stays busy after its worker was killed."""
RENEWAL_S = 3.0
"""Also the longest time until a worker notices that another took its run."""
RUN_DEADLINE_S = 570.0
"""Below the ten minutes that Function Compute gives the request."""
MAX_UNREAD = 256
"""Events that a slow reader may leave unread before the run waits for him."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """How long things take; tests make them short."""

    lease: timedelta = LEASE
    renewal_s: float = RENEWAL_S
    deadline_s: float = RUN_DEADLINE_S
    now: clock.Clock = field(default=clock.now)

    def seconds(self) -> int:
        return int(self.now().timestamp())


class Execution:
    """Runs `work` in a task of its own; ends the run in the store however the work ends."""

    def __init__(self, store: Store, run: Run, next_seq: int, timing: Timing) -> None:
        self.run = run
        self.log = RunLog(store, run.id, run.fence, next_seq)
        self._store = store
        self._timing = timing
        self._bound = Bound()
        self._unread: list[RunEvent] = []
        self._is_over = False
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._row = asyncio.Lock()
        self._ending: asyncio.Future[None] | None = None
        self._work: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Start. The work pauses or completes the run itself; an error or a cancellation is dealt with here.

        A cancellation stops the work's own task and never the one that ends the run, however often it comes.
        """
        self._room.set()
        self._work = asyncio.create_task(work)
        self._task = asyncio.create_task(self._run(self._work))

    async def batches(self) -> AsyncIterator[list[RunEvent]]:
        """Yield the events until the work is over, those together that are there together."""
        while self._unread or not self._is_over:
            if self._unread:
                batch, self._unread = self._unread, []
                self._room.set()
                yield batch
            else:
                self._news.clear()
                await self._news.wait()

    async def cancel(self) -> None:
        """Cancel the run unless its work is over, and return when that is written."""
        if self._work is not None and self._task is not None:
            self._work.cancel()
            await asyncio.wait([self._task])

    async def emit(self, event: RunEvent) -> None:
        """Log an event and hand it on; raises FencedError when another worker has the run, AnswerTooLongError."""
        self._bound.count(event)
        self.log.add(event)
        self._hand_on(event)
        if len(self._unread) >= MAX_UNREAD:
            self._room.clear()
            await self._room.wait()

    async def written(self) -> None:
        """Return when all that was emitted is in the log; raises FencedError when another worker has the run."""
        await self.log.flush()

    def _hand_on(self, event: RunEvent) -> None:
        self._unread.append(event)
        self._news.set()

    async def end(
        self, event: RunEvent, status: RunStatus, *, history: str = "", pending: str = "", error: str = ""
    ) -> None:
        """Log the last event, write the run's row, then hand the event on: who reads it finds the row written.

        A cancellation that comes meanwhile is too late.
        """
        self._ending = asyncio.ensure_future(self._end(event, status, history, pending, error))
        await asyncio.shield(self._ending)

    async def _end(self, event: RunEvent, status: RunStatus, history: str, pending: str, error: str) -> None:
        async with self._row:
            await self.log.end(event, RunEnd(status, self._timing.now(), history or None, pending, error))
        self._hand_on(event)

    async def _run(self, work: asyncio.Task[None]) -> None:
        # Most runs are over before it is time to renew their lease, and need no task for that.
        renewal = asyncio.get_running_loop().call_later(self._timing.renewal_s, self._begin_keeping)
        try:
            async with asyncio.timeout(self._timing.deadline_s):
                await work
            if not await self._has_ended():
                raise FujieError("the agent's work was over, and said no end of its run")  # noqa: TRY301
        except (asyncio.CancelledError, FencedError):
            await self._end_if_ours(RunCanceled(self._timing.seconds()), "canceled")
        except TimeoutError:
            await self._fail(RunTimeoutError(f"the run took longer than {self._timing.deadline_s:g} s"))
        except FujieError as error:
            await self._fail(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours or of the framework: the run must end all the same
            _log.error("run %s failed: %s", self.run.id, kinds_and_places(error))
            await self._fail(FujieError("something went wrong here; the log has it under the run's id"))
        finally:
            renewal.cancel()
            if self._keeper is not None:
                self._keeper.cancel()
            await self.log.close()
            self._is_over = True
            self._news.set()

    async def _fail(self, error: FujieError) -> None:
        _log.warning("run %s failed: %s: %s", self.run.id, error.code, error.message)
        await self._end_if_ours(failure_of(error, self._timing.seconds()), "failed", error.code)

    async def _end_if_ours(self, event: RunEvent, status: RunStatus, error: str = "") -> None:
        """Another worker that took the run has written its end, or will; the reader here is told all the same."""
        try:
            if await self._has_ended():
                return
            await self.end(event, status, error=error)
        except StoreError as fault:
            _log.warning("run %s: its end is not ours to write: %s", self.run.id, fault.message)
            self._hand_on(event)

    async def _has_ended(self) -> bool:
        """Was an end written, also one that was under way?"""
        if self._ending is None:
            return False
        if not self._ending.done():
            await asyncio.wait([self._ending])
        return self._ending.exception() is None

    def _begin_keeping(self) -> None:
        self._keeper = asyncio.create_task(self._keep_lease())

    async def _keep_lease(self) -> None:
        while True:
            async with self._row:
                if self._ending is not None:
                    return
                await self._renew()
            await asyncio.sleep(self._timing.renewal_s)

    async def _renew(self) -> None:
        now = self._timing.now()
        until = now + self._timing.lease
        try:
            await self._store.save_run(self.run.id, self.run.fence, status="running", now=now, lease_expires_at=until)
        except FencedError:
            if self._work is not None:
                self._work.cancel()
        except StoreError as error:
            _log.warning("run %s: the lease was not renewed: %s", self.run.id, error.message)
