"""A run followed over its pause: replayed, resumed here if nothing is open, else watched while there is patience."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fujie.agents.port import Principal, Runs
from fujie.protocols.events import RunEvent, RunPaused
from fujie.sessions.rows import Run

Events = AsyncGenerator[RunEvent, None]


async def followed(runs: Runs, run: Run, principal: Principal, patience_s: float) -> Events:
    """Yield the run from its first event on, over its last pause, up to its end or the next one.

    Where a consent is open, whoever settles it resumes the run, and we watch.
    """
    seen, event, resumed = 0, None, False
    async with aclosing(runs.watch(run.id, principal.user, follow=False)) as past:
        async for event in past:
            seen += 1
            yield event
    if not isinstance(event, RunPaused):
        return
    async with aclosing(runs.resume(run.id, principal.act)) as more:
        async for event in more:
            resumed = True
            yield event
    if resumed:
        return
    async with aclosing(patiently(runs.watch(run.id, principal.user), patience_s)) as later:
        async for event in later:
            seen -= 1
            if seen < 0:
                yield event
            if seen < 0 and isinstance(event, RunPaused):
                return


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
