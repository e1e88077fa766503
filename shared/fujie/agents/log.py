"""A run's event log as one worker writes it: in batches, at most 50 ms behind, and never past its fence."""

import asyncio

from fujie.protocols.agentscope.words import clean
from fujie.protocols.events import RunEvent, event_to_json
from fujie.sessions.errors import StoreError, StoreUnavailableError
from fujie.sessions.port import Store

DELAY_S = 0.05
FIRST_DELAY_S = 0.01
"""Of a worker's first batch: who allowed something waits for the sign that it goes on."""
RETRY_DELAY_S = 0.5
MAX_FAILURES = 6
"""A database that is away for some three seconds loses nothing; then the run stops."""


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
        self._writer: asyncio.Task[None] | None = None
        self._fault: StoreError | None = None

    def add(self, event: RunEvent) -> None:
        """Take an event to be written soon. Raises the StoreError that an earlier write met."""
        self._check()
        self._waiting.append(clean(event_to_json(event)))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_soon())

    async def flush(self) -> None:
        """Return when everything is written. Raises StoreError, FencedError among them."""
        self._check()
        await self._write()

    async def close(self) -> None:
        """Stop writing; what was not flushed may be lost."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault

    async def _write_soon(self) -> None:
        failures = 0
        while self._waiting:
            await asyncio.sleep(RETRY_DELAY_S if failures else self._next_delay_s)
            try:
                await self._write()
                failures = 0
            except StoreUnavailableError as error:
                failures += 1
                if failures == MAX_FAILURES:
                    self._fault = error
                    return
            except StoreError as error:
                self._fault = error
                return

    async def _write(self) -> None:
        async with self._writing:
            batch = self._waiting[:]
            if batch:
                await self._store.append_events(self._run_id, self._fence, self._next_seq, batch)
                self._next_seq += len(batch)
                self._next_delay_s = self._delay_s
                del self._waiting[: len(batch)]
