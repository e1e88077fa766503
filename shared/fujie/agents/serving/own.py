"""The developer's own endpoints and tasks as routes: who is let in, what a function is given, how it answers."""

import asyncio
import inspect
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from fujie.agents.handler import Function, in_time, in_time_at, items_of
from fujie.agents.http_values import HttpAnswerError, http_error, is_response
from fujie.agents.own import OwnEndpoint, OwnParts, OwnTask
from fujie.agents.port import Principal
from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.errors import plain_refusal
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import Verbatim, stream_events
from fujie.errors import FujieError, InputError
from fujie.telemetry import kinds_and_places

_log = logging.getLogger(__name__)
WHOLE_BODY = frozenset({"request", "payload", "data", "body"})


def routes(served: Served, parts: OwnParts) -> list[Route]:
    """Return the routes of what the developer added."""
    endpoints = [
        Route(method, endpoint.path, Endpoint(served, endpoint), plain_refusal)
        for endpoint in parts.endpoints
        for method in endpoint.methods
    ]
    tasks = [
        route
        for task in parts.tasks
        for route in (
            Route("POST", task.path, Begin(served, task), plain_refusal),
            Route("GET", f"{task.path}/{{task_id}}", Tell(served), plain_refusal),
        )
    ]
    return endpoints + tasks


@dataclass(frozen=True)
class Endpoint:
    """One function at a path: its value as JSON, or what it yields as server-sent events."""

    served: Served
    own: OwnEndpoint

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request."""
        principal = await self.served.inbound.admit(request.headers)
        given = await _given(self.own.function, request, self.served, principal)
        items = items_of(self.own.function, given)
        if _yields(self.own.function):
            await stream_events(request, send, _frames(items, self.served.config.timeout_s), Verbatim())
            return
        try:
            async with in_time(self.served.config.timeout_s), aclosing(items):
                value = [item async for item in items]
        except Exception as error:
            if (answered := http_error(error)) is None:
                raise
            await answer(send, _answered(answered))
            return
        if value and is_response(value[0]):
            await value[0](request.scope, request.receive, send)
        else:
            await answer(send, Answer(200, _json(value[0] if value else None)))


@dataclass(frozen=True)
class Begin:
    """`POST path`: begins a task."""

    served: Served
    own: OwnTask

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request."""
        principal = await self.served.inbound.admit(request.headers)
        given = await _given(self.own.function, request, self.served, principal)
        webhook = request.headers.get("x-webhook-url", "")
        piece = self.served.work.begin(self.own.function, given, principal.user, webhook)
        told = {"task_id": piece.id, "status": "submitted", "queue": self.own.queue}
        await answer(send, Answer(202, _json(told | {"message": "Task submitted successfully"})))


@dataclass(frozen=True)
class Tell:
    """`GET path/{task_id}`: how it goes."""

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request."""
        principal = await self.served.inbound.admit(request.headers)
        piece = self.served.work.find(request.params["task_id"], principal.user)
        await answer(send, Answer(200, _json(piece.told())))


async def _given(function: Function, request: Request, served: Served, principal: Principal) -> Mapping[str, Any]:
    """Return the arguments: the whole body for `request` and its like, else the body's or the query's field."""
    body = await request.body(served.config.max_body_bytes)
    value = _value(body) if body else dict(request.query)
    fields = value if isinstance(value, dict) else {}
    arguments: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "user":
            arguments[name] = principal.user
        elif name in {"self", "app"}:
            arguments[name] = served.app
        elif name in WHOLE_BODY:
            arguments[name] = _as(parameter.annotation, value)
        elif name in {**fields, **request.params}:
            arguments[name] = {**fields, **request.params}[name]
        elif parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            raise InputError(f"the field {name!r} is missing")
    return arguments


def _as(kind: Any, value: Any) -> Any:
    """Return a body as what the function says it wants: a request of ours, a pydantic model, or JSON's own types."""
    for maker in ("from_value", "model_validate"):
        if isinstance(kind, type) and hasattr(kind, maker):
            try:
                return getattr(kind, maker)(value)
            except ValueError as error:
                raise InputError(f"the body is no {kind.__name__}") from error
    return value


def _value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("the body is not JSON") from error


def _yields(function: Function) -> bool:
    called = inspect.unwrap(function)
    return inspect.isasyncgenfunction(called) or inspect.isgeneratorfunction(called)


async def _frames(items: AsyncGenerator[Any, None], timeout_s: float) -> AsyncGenerator[str, None]:
    until = asyncio.get_running_loop().time() + timeout_s
    try:
        async with aclosing(items):
            while True:
                try:
                    async with in_time_at(until, timeout_s):
                        item = await anext(items)
                except StopAsyncIteration:
                    return
                yield _frame(item)
    except FujieError as error:
        yield _frame({"error": error.message, "error_type": type(error).__name__})
    except Exception as error:  # noqa: BLE001 - the answer has begun: the caller reads in it that it failed
        _log.warning("an endpoint failed in the middle: %s", kinds_and_places(error))
        yield _frame({"error": "the stream broke off", "error_type": type(error).__name__})


def _answered(error: HttpAnswerError) -> Answer:
    """Say an HTTPException as FastAPI does."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in error.headers.items()]
    return Answer(error.status, _json({"detail": error.detail}), headers=headers)


def _frame(item: Any) -> str:
    return f"data: {_json(item).decode()}\n\n"


def _json(value: Any) -> bytes:
    """Return JSON; what only looks like data (dataclasses, models) is taken as such."""
    import msgspec

    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} cannot be JSON")
