"""A run's event log as one worker writes it: in batches, at most 50 ms behind, and never past its fence."""

import asyncio
from itertools import count

from fujie.protocols.events import RunEvent, event_to_json
from fujie.sessions.errors import StoreError, StoreUnavailableError
from fujie.sessions.port import RunEnd, Store

DELAY_S = 0.05
FIRST_DELAY_S = 0.01
"""Of a worker's first batch: who allowed something waits for the sign that it goes on."""
RETRY_DELAY_S = 0.5
MAX_WRITE_CHARS = 256 * 1024
"""Of the events that are written at once: on its way into the database a write is held several times over."""
MAX_FAILURES = 6
"""A database that is away for some three seconds loses nothing; then the run stops."""

Last = tuple[str, RunEnd]
"""A run's last event, and how its row is left."""


class RunLog:
    """Appends events under one fence, from `next_seq` on."""

    def __init__(self, store: Store, run_id: str, fence: int, next_seq: int = 0, *, delay_s: float = DELAY_S) -> None:
        self._store = store
        self._run_id = run_id
        self._fence = fence
        self._next_seq = next_seq
        self._delay_s = delay_s
        self._next_delay_s = min(delay_s, FIRST_DELAY_S)
        self._waiting: list[str] = []
        self._writing = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._writer: asyncio.Task[None] | None = None
        self._flushes: set[asyncio.Task[None]] = set()
        self._fault: StoreError | None = None
        self._listening: list[asyncio.Future[None]] = []

    def add(self, event: RunEvent) -> None:
        """Take an event to be written soon. Raises the StoreError that an earlier write met."""
        self._check()
        self._waiting.append(event_to_json(event))
        if self._timer is None and self._writer is None:  # most runs end before it is time, and need no task
            self._timer = asyncio.get_running_loop().call_later(self._next_delay_s, self._begin_writing)

    async def flush(self) -> None:
        """Return when everything is written. Raises StoreError, FencedError too."""
        await self._write_in_any_case()

    async def end(self, event: RunEvent, left: RunEnd) -> None:
        """Write all, and how the run is left with its last event; neither of both where it raises StoreError."""
        await self._write_in_any_case((event_to_json(event), left))

    async def close(self) -> None:
        """Stop writing once every flush is over; what was not flushed may be lost."""
        if self._timer is not None:
            self._timer.cancel()
        if self._flushes:
            await asyncio.wait(self._flushes)
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])

    async def news(self, within_s: float) -> None:
        """Return when something more is written, or the time is over; whoever follows the run here need not wait."""
        written = asyncio.get_running_loop().create_future()
        self._listening.append(written)
        try:
            await asyncio.wait([written], timeout=within_s)
        finally:
            if not written.done():
                self._listening.remove(written)

    async def _write_in_any_case(self, last: Last | None = None) -> None:
        """What the store was asked to write it cannot be asked to forget: it goes on when who waits for it leaves."""
        self._check()
        writing = asyncio.create_task(self._write_patiently(last))
        self._flushes.add(writing)
        writing.add_done_callback(self._flushes.discard)
        await asyncio.shield(writing)

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _begin_writing(self) -> None:
        self._timer = None
        self._writer = asyncio.create_task(self._write_soon())

    async def _write_soon(self) -> None:
        try:
            while self._waiting:
                await self._write_patiently()
                if self._waiting:
                    await asyncio.sleep(self._delay_s)
        except StoreError as error:
            self._fault = error
        finally:
            self._writer = None

    async def _write_patiently(self, last: Last | None = None) -> None:
        for failures in count(1):
            try:
                await self._write(last)
            except StoreUnavailableError:
                if failures == MAX_FAILURES:
                    raise
                await asyncio.sleep(RETRY_DELAY_S)
            else:
                return

    async def _write(self, last: Last | None) -> None:
        async with self._writing:
            is_over = not self._waiting and last is None
            while not is_over:
                batch = self._next_batch()
                is_over = len(batch) == len(self._waiting)
                event, left = ([last[0]], last[1]) if last and is_over else ([], None)
                events = [*batch, *event]
                await self._store.append_events(self._run_id, self._fence, self._next_seq, events, left)
                self._next_seq += len(events)
                self._next_delay_s = self._delay_s
                del self._waiting[: len(batch)]
                self._tell()

    def _tell(self) -> None:
        listening, self._listening = self._listening, []
        for written in listening:
            if not written.done():
                written.set_result(None)

    def _next_batch(self) -> list[str]:
        size = 0
        for index, event in enumerate(self._waiting):
            size += len(event)
            if size > MAX_WRITE_CHARS:
                return self._waiting[: index + 1]
        return self._waiting[:]
