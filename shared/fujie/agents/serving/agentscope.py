"""AgentScope's door: `POST /process`, a run's events once more from any number on, and a stop."""

from msgspec import Struct

from fujie.agents.errors import RunNotFoundError
from fujie.agents.serving.asgi import Answer, Headers, Request, Route, Send, answer
from fujie.agents.serving.errors import plain_refusal
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import Events as Ready
from fujie.agents.serving.stream import fold_events, stream_events
from fujie.errors import FujieError, InputError
from fujie.protocols.agentscope.encode import Encoder
from fujie.protocols.agentscope.ids import RESPONSE, run_id_of
from fujie.protocols.agentscope.last import LastResponse
from fujie.protocols.agentscope.request import AgentRequest, RequestInvalidError, request_from_body
from fujie.protocols.agentscope.stopping import stop_request
from fujie.protocols.agentscope.words import compact
from fujie.protocols.events import RunEvent
from fujie.sessions.rows import Run
from fujie.telemetry import bind

_STATUS = {"running": "in_progress", "waiting": "incomplete"}
"""Ours to the protocol's; the others are alike."""


def routes(served: Served) -> list[Route]:
    """Return the routes of this protocol."""
    return [
        Route("POST", "/process", Process(served), refused),
        Route("GET", "/process/{id}/events", Events(served), refused),
        Route("POST", "/process/stop", Stop(served), refused),
    ]


class Process(Struct, frozen=True):
    """One run, as a stream or, with `stream: false`, as its last response object.

    A header `Last-Event-ID` goes on with the run that `id` names, behind the frame of that number.
    """

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError before the answer begins."""
        served, runs = self.served, self.served.runs
        principal = await served.inbound.admit(request.headers)
        asked = request_from_body(await request.body(served.config.max_body_bytes))
        after = last_event_id(request.headers)
        if after is None:
            run = await runs.start(principal, asked)
            events: Ready[RunEvent] = runs.flow(run, principal.act)
        else:
            run = await runs.find(_named(asked), principal.user)
            events = runs.watch(run.id, principal.user, follow=asked.stream)
        with bind(run_id=run.id, user_id=run.user.id):
            if asked.stream:
                await stream_events(request, send, events, Encoder(-1 if after is None else after))
                return
            last = LastResponse()
            if await fold_events(request, events, last.feed):
                last.end()
                await answer(send, Answer(200, last.text.encode()))


class Events(Struct, frozen=True):
    """`GET /process/{id}/events`: a run's frames, those behind `Last-Event-ID`, then live ones until it ends."""

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError before the answer begins."""
        principal = await self.served.inbound.admit(request.headers)
        after = last_event_id(request.headers)
        run = await self.served.runs.find(run_id_of(request.params["id"]), principal.user)
        events = self.served.runs.watch(run.id, principal.user)
        await stream_events(request, send, events, Encoder(-1 if after is None else after))


class Stop(Struct, frozen=True):
    """`POST /process/stop`: ends the run that `id` names, or the one that runs or waits in `session_id`."""

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError."""
        runs = self.served.runs
        principal = await self.served.inbound.admit(request.headers)
        asked = stop_request(await request.body(self.served.config.max_body_bytes))
        run: Run | None
        if asked.id is not None:
            run = await runs.find(run_id_of(asked.id), principal.user)
        else:
            run = await runs.current(asked.session_id or "", principal.user)
        if run is None:
            raise RunNotFoundError("nothing runs in this session")
        status = await runs.cancel(run.id, principal.user)
        await answer(send, Answer(200, compact(_stopped(run, status)).encode()))


def _stopped(run: Run, status: str) -> dict[str, str]:
    return {"id": RESPONSE + run.id, "session_id": run.session_id, "status": _STATUS.get(status, status)}


def _named(asked: AgentRequest) -> str:
    if (run_id := asked.run_id()) is None:
        raise InputError("Last-Event-ID goes on with the run that `id` names", repair="send its `response_...` as `id`")
    return run_id


def last_event_id(headers: Headers) -> int | None:
    """Return the number of the last frame that a client saw, or None when it tells none. Raises InputError."""
    unverified = headers.get("last-event-id")
    if unverified is None:
        return None
    if not (unverified.isascii() and unverified.isdigit() and len(unverified) <= 18):
        raise InputError("Last-Event-ID must be the sequence_number of a frame")
    return int(unverified)


def refused(error: FujieError) -> Answer:
    """Say what is wrong with a body in FastAPI's form, all else as `{"error": {...}}`."""
    if isinstance(error, RequestInvalidError):
        return Answer(error.status, compact({"detail": error.detail}).encode())
    return plain_refusal(error)
