"""AgentScope's door: `POST /process`."""

import json
from dataclasses import dataclass

from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.errors import plain_refusal
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import fold_events, stream_events
from fujie.errors import FujieError
from fujie.protocols.agentscope.encode import Encoder
from fujie.protocols.agentscope.request import RequestInvalidError, request_from_body
from fujie.protocols.events import RunEvent
from fujie.telemetry import bind


def routes(served: Served) -> list[Route]:
    """Return the routes of this protocol."""
    return [Route("POST", "/process", Process(served), refused)]


@dataclass(frozen=True)
class Process:
    """One run, as a stream or, with `stream: false`, as its last response object."""

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError before the answer begins."""
        runs = self.served.runs
        principal = await self.served.inbound.admit(request.headers)
        asked = request_from_body(await request.body(self.served.config.max_body_bytes))
        run = await runs.start(principal, asked)
        with bind(run_id=run.id, user_id=run.user.id):
            events = runs.execute(run, principal.act)
            if asked.stream:
                await stream_events(request, send, events, Encoder())
                return
            last = _LastFrame()
            if await fold_events(request, events, last.feed):
                await answer(send, Answer(200, last.text.encode()))


class _LastFrame:
    def __init__(self) -> None:
        self.text = ""
        self._encoder = Encoder()

    def feed(self, event: RunEvent) -> None:
        if frames := self._encoder.frames(event):
            self.text = frames[-1][1]


def refused(error: FujieError) -> Answer:
    """Say what is wrong with a body in FastAPI's form, all else as `{"error": {...}}`."""
    if isinstance(error, RequestInvalidError):
        return Answer(error.status, json.dumps({"detail": error.detail}).encode())
    return plain_refusal(error)
