"""A run's log read forward from the store, while it is still being written."""

import asyncio
from asyncio import sleep
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime

from fujie.agents.lost import bury_if_lost
from fujie.clock import Clock, now
from fujie.protocols.events import RunCanceled, RunCompleted, RunEvent, RunFailed, RunPaused, event_from_json
from fujie.sessions.port import Store
from fujie.sessions.rows import Run

POLL_S = 0.15
CHECK_S = 1.0
NUDGE_AFTER_S = 5.0
"""How long a run may wait for consents that are all settled before it is woken once more."""

Nap = Callable[[float], Awaitable[object]]
"""Returns after so many seconds, or when there may be news."""
Wake = Callable[[Run], None]
"""Lets a waiting run go on."""


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
    store: Store, run_id: str, *, follow: bool, wake: Wake, clock: Clock = now, poll_s: float = POLL_S, nap: Nap = sleep
) -> AsyncGenerator[RunEvent, None]:
    """Yield a run's events until it ends, or pauses unless `follow`.

    On the way a run whose worker died is ended, and one that waits for nobody any more is woken.

    It looks again when `nap` of `poll_s` seconds returns.
    """
    reader, minder = LogReader(store, run_id), _Minder(store, wake, clock)
    while True:
        for event in await reader.news():
            yield event
        if reader.is_ended or (reader.is_paused and not follow):
            return
        await minder.mind(run_id, asyncio.get_running_loop().time())
        await nap(poll_s)


async def is_overdue(store: Store, run: Run, moment: datetime) -> bool:
    """Say whether a run waits although the time of every consent that is still open is over."""
    if run.status != "waiting":
        return False
    still_open = await store.open_consents(run.id)
    return bool(still_open) and all(consent.expires_at <= moment for consent in still_open)


class _Minder:
    """Looks after a run while somebody watches it."""

    def __init__(self, store: Store, wake: Wake, clock: Clock) -> None:
        self._store = store
        self._wake = wake
        self._clock = clock
        self._next_check = 0.0
        self._settled_since: float | None = None

    async def mind(self, run_id: str, at: float) -> None:
        if at < self._next_check:
            return
        self._next_check = at + CHECK_S
        if (run := await self._store.run(run_id)) is None:
            return
        found = await bury_if_lost(self._store, run, now=self._clock)
        waits_again, run = (run.status, found.status) == ("running", "waiting"), found
        if waits_again or await is_overdue(self._store, run, self._clock()) or await self._was_forgotten(run, at):
            self._wake(run)

    async def _was_forgotten(self, run: Run, at: float) -> bool:
        """Say whether the run waits on although all is settled: whoever settled it wakes it, unless that was lost."""
        if run.status != "waiting" or await self._store.open_consents(run.id):
            self._settled_since = None
            return False
        self._settled_since = at if self._settled_since is None else self._settled_since
        return at - self._settled_since >= NUDGE_AFTER_S
