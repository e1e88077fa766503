"""A run's log read forward from the store, while it is still being written."""

import asyncio
from collections.abc import AsyncGenerator

from fujie.agents.lost import bury_if_lost
from fujie.clock import Clock, now
from fujie.protocols.events import RunCanceled, RunCompleted, RunEvent, RunFailed, RunPaused, event_from_json
from fujie.sessions.port import Store

POLL_S = 0.15
BURIAL_CHECK_S = 1.0


class LogReader:
    """Reads one run's log from its first event on."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._seq = -1
        self.last: RunEvent | None = None

    @property
    def is_ended(self) -> bool:
        """Was the run's last event read?"""
        return isinstance(self.last, RunCompleted | RunFailed | RunCanceled)

    @property
    def is_paused(self) -> bool:
        """Is a pause the last that was read?"""
        return isinstance(self.last, RunPaused)

    async def news(self) -> list[RunEvent]:
        """Return what was appended since."""
        rows = await self._store.events(self._run_id, self._seq)
        events = [event_from_json(text) for _, text in rows]
        if rows:
            self._seq, self.last = rows[-1][0], events[-1]
        return events


async def watched(
    store: Store, run_id: str, *, follow: bool, clock: Clock = now, poll_s: float = POLL_S
) -> AsyncGenerator[RunEvent, None]:
    """Yield a run's events until it ends, or pauses unless `follow`; a run whose worker died is ended on the way."""
    reader = LogReader(store, run_id)
    loop = asyncio.get_running_loop()
    next_check = loop.time() + BURIAL_CHECK_S
    while True:
        for event in await reader.news():
            yield event
        if reader.is_ended or (reader.is_paused and not follow):
            return
        if loop.time() >= next_check:
            next_check = loop.time() + BURIAL_CHECK_S
            if (run := await store.run(run_id)) is not None:
                await bury_if_lost(store, run, now=clock)
        await asyncio.sleep(poll_s)
