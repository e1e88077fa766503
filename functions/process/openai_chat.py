"""OpenAI's door: chat completions and models, under the two prefixes in use; the tokens are those of `/process`."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fujie.errors import FujieError
from fujie.protocols.events import RunEvent
from fujie.protocols.openai_chat.encode import Completion, Encoder, completion_text, models_list
from fujie.protocols.openai_chat.errors import error_body, error_headers
from fujie.protocols.openai_chat.request import MAX_BODY_BYTES, chat_request
from fujie.telemetry import bind
from functions.process.bodies import read_body
from functions.process.parts import Parts
from functions.process.streaming import EventStream, unless_gone

PREFIXES = ("/openai/v1", "/v1")
_log = logging.getLogger(__name__)


def openai_routes(parts: Parts) -> list[Route]:
    """Return the routes under each prefix."""
    chat, models = InOpenAiWords(ChatEndpoint(parts)), InOpenAiWords(ModelsEndpoint(parts))
    return [
        route
        for prefix in PREFIXES
        for route in (
            Route(f"{prefix}/chat/completions", chat, methods=["POST"]),
            Route(f"{prefix}/models", models, methods=["GET"]),
        )
    ]


@dataclass(frozen=True)
class InOpenAiWords:
    """Answers errors that come before an answer begins in OpenAI's form."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self.app(scope, receive, send)
        except FujieError as error:
            await JSONResponse(error_body(error), error.status, error_headers(error.status))(scope, receive, send)


@dataclass(frozen=True)
class ChatEndpoint:
    """`POST .../chat/completions?sessionId=`: one run, as chunks or as one object."""

    parts: Parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises FujieError before the answer begins."""
        principal = await self.parts.door.anyone(Headers(scope=scope))
        session_id = QueryParams(scope["query_string"]).get("sessionId")
        request = chat_request(await read_body(receive, MAX_BODY_BYTES), session_id)
        model = request.model or self.parts.agent
        run = await self.parts.runs.start(principal, request.run)
        with bind(run_id=run.id, user_id=run.user.id):
            events = self.parts.runs.execute(run, principal.act)
            if request.stream:
                await EventStream(events, Encoder(model, include_usage=request.include_usage)).answer(receive, send)
                return
            whole = await unless_gone(_whole(events, model), receive)
            if whole is not None:
                await _whole_response(whole)(scope, receive, send)


@dataclass(frozen=True)
class ModelsEndpoint:
    """`GET .../models`: the agent, by its name."""

    parts: Parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises FujieError."""
        await self.parts.door.only_verify(Headers(scope=scope))
        await JSONResponse(models_list(self.parts.agent))(scope, receive, send)


async def _whole(events: AsyncGenerator[RunEvent, None], model: str) -> dict[str, Any]:
    completion = Completion(model)
    try:
        async with aclosing(events):
            async for event in events:
                completion.feed(event)
    except FujieError as error:
        _log.warning("the answer ended early: %s: %s", error.code, error.message)
    return completion.end()


def _whole_response(whole: dict[str, Any]) -> Response:
    """A run that began and failed is the server's error, and nobody is to ask again unasked."""
    status = 500 if "error" in whole else 200
    headers = error_headers(status) if status != 200 else None
    return Response(completion_text(whole), status, headers, media_type="application/json")
