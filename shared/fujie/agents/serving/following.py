"""A run followed over its pause: replayed, resumed here once nothing is open, else watched while there is patience."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fujie.agents.port import Principal, Runs
from fujie.protocols.events import RunCanceled, RunCompleted, RunEvent, RunFailed, RunPaused
from fujie.sessions.rows import Run

LOOK_S = 15.0
"""How often we look whether a run that still waits could go on: its offer expired, or who was to wake it did not."""
_ENDS = (RunPaused, RunCompleted, RunFailed, RunCanceled)
Events = AsyncGenerator[RunEvent, None]


async def followed(runs: Runs, run: Run, principal: Principal, patience_s: float) -> Events:
    """Yield the run from its first event on, over its last pause, up to its end or the next one.

    Where a consent is open, whoever settles it resumes the run, and we watch.
    """
    until = asyncio.get_running_loop().time() + patience_s
    seen, event = 0, None
    async with aclosing(runs.watch(run.id, principal.user, follow=False)) as past:
        async for event in past:
            seen += 1
            yield event
    waits = isinstance(event, RunPaused)
    while waits:
        async with aclosing(runs.resume(run.id, principal.act)) as more:
            async for event in more:
                waits = False
                yield event
        left_s = until - asyncio.get_running_loop().time()
        if not waits or left_s <= 0:
            return
        async with aclosing(_news(runs, run, principal, seen, min(LOOK_S, left_s))) as news:
            async for event in news:
                seen += 1
                yield event
                if isinstance(event, _ENDS):
                    return


async def _news(runs: Runs, run: Run, principal: Principal, seen: int, patience_s: float) -> Events:
    """Yield what comes after the first `seen` events."""
    async with aclosing(patiently(runs.watch(run.id, principal.user), patience_s)) as events:
        async for event in events:
            seen -= 1
            if seen < 0:
                yield event


async def patiently(events: Events, patience_s: float) -> Events:
    """Yield the events for so many seconds at most; ours are those of the platform with a request."""
    until = asyncio.get_running_loop().time() + patience_s
    async with aclosing(events):
        while True:
            try:
                async with asyncio.timeout_at(until):
                    event = await anext(events)
            except (TimeoutError, StopAsyncIteration):
                return
            yield event
