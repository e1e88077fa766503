"""A task outlives whoever reads of it (1.0: 3.5.2): its run goes on in the background, and streams only listen."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from fujie.agents.port import Act, Principal, Runs
from fujie.agents.serving.following import patiently
from fujie.protocols.events import RunCanceled, RunCompleted, RunEvent, RunFailed
from fujie.sessions.rows import Run

MAX_UNREAD = 64
"""Events that a slow reader may leave unread before the run waits for him."""
Events = AsyncGenerator[RunEvent, None]


async def lasting(runs: Runs, run: Run, act: Act | None) -> Events:
    """Yield what a run says from now to its end or its pause; closing the iterator leaves the run to go on."""
    ear = _Ear()
    runs.background(run, act, ear.hear)
    try:
        while (event := await ear.unread.get()) is not None:
            yield event
    finally:
        ear.leave()


async def story(
    runs: Runs, run: Run, principal: Principal, known: Sequence[RunEvent], *, begins: bool, patience_s: float
) -> Events:
    """Yield a run's events: those that are known, those of the run that `begins` here, then over pauses to its end."""
    seen, last = 0, known[-1] if known else None
    for event in known:
        seen += 1
        yield event
    if begins:
        async with aclosing(lasting(runs, run, principal.act)) as live:
            async for last in live:
                seen += 1
                yield last
    if not isinstance(last, RunCompleted | RunFailed | RunCanceled):
        watched = patiently(runs.watch(run.id, principal.user), patience_s)
        async with aclosing(watched) as later:
            async for event in later:
                seen -= 1
                if seen < 0:
                    yield event


class _Ear:
    """Holds what was said until it is read; once nobody reads, it holds nothing and nobody waits."""

    def __init__(self) -> None:
        self.unread: asyncio.Queue[RunEvent | None] = asyncio.Queue(MAX_UNREAD)
        self._left = False

    async def hear(self, event: RunEvent | None) -> None:
        if not self._left:
            await self.unread.put(event)

    def leave(self) -> None:
        self._left = True
        while not self.unread.empty():
            self.unread.get_nowait()
