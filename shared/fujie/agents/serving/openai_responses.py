"""The door of OpenAI's Responses API: created, retrieved, streamed again and canceled, under the prefixes in use."""

import sys
from dataclasses import dataclass, replace

from fujie.agents.errors import ForbiddenError, RunNotFoundError
from fujie.agents.port import Principal
from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.openai_errors import failed, refused
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import fold_events, stream_events
from fujie.protocols.agentscope.words import compact
from fujie.protocols.openai_chat.errors import OpenAiRequestError
from fujie.protocols.openai_responses.encode import Encoder
from fujie.protocols.openai_responses.request import (
    PreviousResponseNotFoundError,
    ResponseRequest,
    asked_of,
    response_request,
)
from fujie.protocols.openai_responses.response import Asked, Head, run_id_of
from fujie.sessions.rows import Run
from fujie.telemetry import bind

PREFIXES = ("/openai/v1", "/v1", "/compatible-mode/v1")
_NO_FRAMES = sys.maxsize
"""What an encoder is told whose frames nobody reads."""


class ResponseNotFoundError(OpenAiRequestError):
    """There is no such response, or it is somebody else's."""

    code = "response_not_found"
    status = 404


def routes(served: Served) -> list[Route]:
    """Return the routes under each prefix. None deletes: a run's log is what its conversation is made of."""
    create, retrieve, cancel = Create(served), Retrieve(served), Cancel(served)
    return [
        route
        for prefix in PREFIXES
        for route in (
            Route("POST", f"{prefix}/responses", create, refused),
            Route("GET", f"{prefix}/responses/{{id}}", retrieve, refused),
            Route("POST", f"{prefix}/responses/{{id}}/cancel", cancel, refused),
        )
    ]


@dataclass(frozen=True)
class _Door:
    served: Served

    async def _asked(self, request: Request) -> tuple[Principal, Run]:
        """Return who asks, and the run that the path names. Raises ResponseNotFoundError, also for somebody else's."""
        principal = await self.served.inbound.admit(request.headers)
        response_id = request.params["id"]
        try:
            return principal, await self.served.runs.find(run_id_of(response_id) or "", principal.user)
        except (RunNotFoundError, ForbiddenError) as error:
            raise ResponseNotFoundError(f"there is no response {response_id[:64]!r}", param="response_id") from error

    def _head(self, run: Run, asked: Asked) -> Head:
        named = asked if asked.model else replace(asked, model=self.served.name)
        return Head(run.id, run.session_id, int(run.created_at.timestamp()), named)

    def _kept_head(self, run: Run) -> Head:
        return self._head(run, asked_of(run.request))

    async def _as_it_stands(self, run: Run) -> Answer:
        encoder = Encoder(self._kept_head(run), _NO_FRAMES)
        for event in await self.served.runs.so_far(run.id, run.user):
            encoder.feed(event)
        return _response(encoder)


@dataclass(frozen=True)
class Create(_Door):
    """`POST .../responses`: one run, as events, as one object, or in the background."""

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError before the answer begins."""
        runs = self.served.runs
        principal = await self.served.inbound.admit(request.headers)
        asked = response_request(await request.body(self.served.config.max_body_bytes), self.served.name)
        run = await runs.start(principal, asked.run(await self._session(asked, principal)))
        head = self._head(run, asked.asked)
        with bind(run_id=run.id, user_id=run.user.id):
            if asked.asked.background:
                runs.background(run, principal.act)
                await self._answer_of_background(request, send, run, head, stream=asked.stream)
            elif asked.stream:
                await stream_events(request, send, runs.flow(run, principal.act), Encoder(head))
            else:
                encoder = Encoder(head, _NO_FRAMES)
                if await fold_events(request, runs.flow(run, principal.act), encoder.feed):
                    encoder.end()
                    await answer(send, _whole(encoder))

    async def _session(self, asked: ResponseRequest, principal: Principal) -> str | None:
        """Return the conversation that goes on. Raises PreviousResponseNotFoundError."""
        if asked.previous_run_id is None:
            return asked.session_id
        try:
            return (await self.served.runs.find(asked.previous_run_id, principal.user)).session_id
        except (RunNotFoundError, ForbiddenError) as error:
            raise PreviousResponseNotFoundError(asked.asked.previous_response_id or "") from error

    async def _answer_of_background(self, request: Request, send: Send, run: Run, head: Head, *, stream: bool) -> None:
        if stream:
            events = self.served.runs.watch(run.id, run.user)
            await stream_events(request, send, events, Encoder(head))
        else:
            await answer(send, _response(Encoder(head)))


@dataclass(frozen=True)
class Retrieve(_Door):
    """`GET .../responses/{id}`: the Response as it stands, or with `stream=true` its events from the first."""

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError before the answer begins."""
        after = _starting_after(request.query.get("starting_after"))
        _, run = await self._asked(request)
        if request.query.get("stream") == "true":
            events = self.served.runs.watch(run.id, run.user)
            await stream_events(request, send, events, Encoder(self._kept_head(run), after))
        else:
            await answer(send, await self._as_it_stands(run))


@dataclass(frozen=True)
class Cancel(_Door):
    """`POST .../responses/{id}/cancel`: ends a run that has not ended, and answers the Response."""

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError."""
        _, run = await self._asked(request)
        await self.served.runs.cancel(run.id, run.user)
        await answer(send, await self._as_it_stands(run))


def _response(encoder: Encoder) -> Answer:
    return Answer(200, compact(encoder.response()).encode())


def _whole(encoder: Encoder) -> Answer:
    return failed(*encoder.fault) if encoder.fault else _response(encoder)


def _starting_after(unverified: str | None) -> int:
    if unverified is None:
        return -1
    if not (unverified.isascii() and unverified.isdigit() and len(unverified) <= 18):
        raise OpenAiRequestError("starting_after: not the number of an event", param="starting_after")
    return int(unverified)
