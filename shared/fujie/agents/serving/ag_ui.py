"""AG-UI's door: a run, the resume of a paused one, and the watching of one that was started at whatever door.

`POST /ag-ui` and `/ag-ui/agent` start or resume; `POST /ag-ui/connect` watches. The specification's HTTP binding knows
no re-entering of a stream, but its client has `connect`: the same input, whose `threadId` and `runId` name the run.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from fujie.agents.errors import RunNotFoundError
from fujie.agents.port import Principal, Runs
from fujie.agents.serving.asgi import Answer, Request, Route, Send
from fujie.agents.serving.errors import error_headers
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import stream_events
from fujie.errors import FujieError
from fujie.protocols.ag_ui.encode import Encoder
from fujie.protocols.ag_ui.errors import error_body
from fujie.protocols.ag_ui.events import Asked
from fujie.protocols.ag_ui.interrupts import Resume
from fujie.protocols.ag_ui.request import RunInput, run_input
from fujie.protocols.events import RunEvent, RunPaused
from fujie.sessions.rows import Run
from fujie.telemetry import bind

Events = AsyncGenerator[RunEvent, None]


def routes(served: Served) -> list[Route]:
    """Return the routes of this protocol."""
    run, connect = Door(served, _run_or_resume), Door(served, _connect)
    return [
        Route("POST", "/ag-ui", run, refused),
        Route("POST", "/ag-ui/agent", run, refused),
        Route("POST", "/ag-ui/connect", connect, refused),
    ]


@dataclass(frozen=True)
class _Stream:
    """A run whose events are to be told, and how."""

    run: Run
    events: Events
    asked: Asked


@dataclass(frozen=True)
class Door:
    """One request is one stream of events."""

    served: Served
    opened: Callable[[Served, Principal, RunInput], Awaitable[_Stream]]

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError before the answer begins."""
        principal = await self.served.inbound.admit(request.headers)
        asked = run_input(await request.body(self.served.config.max_body_bytes))
        stream = await self.opened(self.served, principal, asked)
        with bind(run_id=stream.run.id, user_id=stream.run.user.id):
            await stream_events(request, send, stream.events, Encoder(stream.asked))


def refused(error: FujieError) -> Answer:
    """Say an error as the event that would have told it."""
    return Answer(error.status, error_body(error), headers=error_headers(error))


async def _run_or_resume(served: Served, principal: Principal, asked: RunInput) -> _Stream:
    if found := await _interrupted(served.runs, principal, asked):
        return await _resume(served, principal, asked, *found)
    run = await served.runs.start(principal, asked.run(kept=True))
    told = Asked(asked.thread_id, asked.run_id, asked.parent_run_id)
    return _Stream(run, served.runs.execute(run, principal.act), told)


async def _connect(served: Served, principal: Principal, asked: RunInput) -> _Stream:
    run = await served.runs.find(asked.our_run_id, principal.user)
    if run.conversation_id != asked.thread_id:
        raise RunNotFoundError("there is no such run on this thread")
    told = Asked(asked.thread_id, asked.run_id, asked.parent_run_id, restated=asked.before_the_answer())
    return _Stream(run, served.runs.watch(run.id, principal.user, follow=False), told)


async def _interrupted(runs: Runs, principal: Principal, asked: RunInput) -> tuple[Run, Resume] | None:
    """Return the run that an entry of `resume` names; one that names nothing of this thread answers nothing."""
    for entry in asked.resume:
        try:
            run = await runs.find(entry.run_id, principal.user)
        except RunNotFoundError:
            continue
        if run.conversation_id == asked.thread_id:
            return run, entry
    return None


async def _resume(served: Served, principal: Principal, asked: RunInput, run: Run, entry: Resume) -> _Stream:
    """Go on after the pause; an interrupt that was abandoned or denied here ends the run, since nobody is to answer."""
    if any(each.gives_up and each.run_id == run.id for each in asked.resume):
        await served.runs.cancel(run.id, principal.user)
    told = Asked(asked.thread_id, asked.run_id, asked.parent_run_id, after=entry.consent_id)
    return _Stream(run, _followed(served.runs, run, principal, served.config.timeout_s), told)


async def _followed(runs: Runs, run: Run, principal: Principal, patience_s: float) -> Events:
    """Yield the run from its first event on, over its last pause: resumed here if that is all it waits for.

    Else whoever settles the consent resumes it, and we watch. Our patience is that of the platform with a request.
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
    if not resumed:
        async with aclosing(_later(runs, run, principal, seen, patience_s)) as later:
            async for event in later:
                yield event


async def _later(runs: Runs, run: Run, principal: Principal, seen: int, patience_s: float) -> Events:
    """Yield what comes after the first `seen` events, up to the run's end or next pause, while we have patience."""
    until = asyncio.get_running_loop().time() + patience_s
    async with aclosing(runs.watch(run.id, principal.user)) as events:
        while True:
            try:
                async with asyncio.timeout_at(until):
                    event = await anext(events)
            except (TimeoutError, StopAsyncIteration):
                return
            seen -= 1
            if seen < 0:
                yield event
            if seen < 0 and isinstance(event, RunPaused):
                return
