"""AG-UI's door: a run, the resume of a paused one, and the watching of one that was started at whatever door.

`POST /ag-ui` and `/ag-ui/agent` start or resume; `POST /ag-ui/connect` watches. The specification's HTTP binding knows
no re-entering of a stream, but its client has `connect`: the same input, which names the run, or, with a `runId` that
is not known, what goes on on its thread.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from fujie.agents.errors import RunNotFoundError
from fujie.agents.port import Principal, Runs
from fujie.agents.serving.asgi import Answer, Request, Route, Send
from fujie.agents.serving.errors import error_headers
from fujie.agents.serving.following import followed
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import Events, stream_events
from fujie.errors import FujieError
from fujie.protocols.ag_ui.encode import BinaryEncoder, Encoder
from fujie.protocols.ag_ui.errors import error_body
from fujie.protocols.ag_ui.events import Asked
from fujie.protocols.ag_ui.interrupts import Resume
from fujie.protocols.ag_ui.protobuf import MEDIA_TYPE, is_accepted
from fujie.protocols.ag_ui.request import RunInput, run_input
from fujie.protocols.events import RunEvent
from fujie.sessions.rows import Run
from fujie.telemetry import bind


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
    events: Events[RunEvent]
    asked: Asked


@dataclass(frozen=True)
class Door:
    """One request is one stream of events."""

    served: Served
    opened: Callable[[Served, Principal, RunInput], Awaitable[_Stream]]

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError before the answer begins."""
        principal = await self.served.inbound.admit(request.headers)
        asked = run_input(await request.body(self.served.config.max_body_bytes), principal.key)
        stream = await self.opened(self.served, principal, asked)
        with bind(run_id=stream.run.id, user_id=stream.run.user.id):
            if is_accepted(request.headers.get("accept", "")):
                wire = BinaryEncoder(stream.asked)
                await stream_events(
                    request, send, stream.events, wire, content_type=MEDIA_TYPE, heartbeat=None, encoding="latin-1"
                )
            else:
                await stream_events(request, send, stream.events, Encoder(stream.asked))


def refused(error: FujieError) -> Answer:
    """Say an error as the event that would have told it."""
    return Answer(error.status, error_body(error), headers=error_headers(error))


async def _run_or_resume(served: Served, principal: Principal, asked: RunInput) -> _Stream:
    if found := await _interrupted(served.runs, principal, asked):
        return await _resume(served, principal, asked, *found)
    run = await served.runs.start(principal, asked.run(kept=served.runs.keeps))
    told = Asked(asked.thread_id, asked.run_id, asked.parent_run_id)
    return _Stream(run, served.runs.flow(run, principal.act), told)


async def _connect(served: Served, principal: Principal, asked: RunInput) -> _Stream:
    run = await _found(served.runs, principal, asked)
    told = Asked(asked.thread_id, asked.run_id, asked.parent_run_id, restated=asked.before_the_answer())
    return _Stream(run, served.runs.watch(run.id, principal.user, follow=False), told)


async def _found(runs: Runs, principal: Principal, asked: RunInput) -> Run:
    """Return the run that the input names, else the one that runs or waits on its thread."""
    with suppress(RunNotFoundError):
        run = await runs.find(asked.our_run_id, principal.user)
        if run.session_id == asked.thread_id:
            return run
    if run_now := await runs.current(asked.thread_id, principal.user):
        return run_now
    raise RunNotFoundError("there is no such run on this thread, nor one that runs or waits")


async def _interrupted(runs: Runs, principal: Principal, asked: RunInput) -> tuple[Run, Resume] | None:
    """Return the run that an entry of `resume` names; one that names nothing of this thread answers nothing."""
    for entry in asked.resume:
        try:
            run = await runs.find(entry.run_id, principal.user)
        except RunNotFoundError:
            continue
        if run.session_id == asked.thread_id:
            return run, entry
    return None


async def _resume(served: Served, principal: Principal, asked: RunInput, run: Run, entry: Resume) -> _Stream:
    """Go on after the pause; an interrupt that was abandoned or denied here ends the run, since nobody is to answer."""
    if any(each.gives_up and each.run_id == run.id for each in asked.resume):
        await served.runs.cancel(run.id, principal.user)
    told = Asked(asked.thread_id, asked.run_id, asked.parent_run_id, after=entry.consent_id)
    return _Stream(run, followed(served.runs, run, principal, served.config.timeout_s), told)
