"""An agent as an ASGI application: finds the route, sees that every error is answered in its protocol's form."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from time import perf_counter
from typing import NoReturn

from msgspec import Struct

from fujie.agents.serving.asgi import WEBSOCKET, Answer, App, Headers, Message, Receive, Request, Route, Scope, Send
from fujie.agents.serving.asgi import answer as say
from fujie.agents.serving.errors import (
    HeadersTooLargeError,
    MethodError,
    NotFoundError,
    OverloadedError,
    plain_refusal,
)
from fujie.agents.serving.lifespan import live
from fujie.agents.serving.metrics import Tally, metrics_route
from fujie.agents.serving.protocols import module_for
from fujie.agents.serving.routing import RoutingTable
from fujie.agents.serving.served import Served
from fujie.agents.serving.shares import HELD, FairInbound, Held
from fujie.errors import FujieError, TooLargeError
from fujie.telemetry import kinds_and_places

MAX_HEADER_BYTES = 32 * 1024
Lifespan = Callable[[], AbstractAsyncContextManager[None]]

_log = logging.getLogger(__name__)


class Server:
    """Answers the protocols and the routes it is given; `rest` gets every path that is none of them."""

    def __init__(
        self, served: Served, routes: Iterable[Route] = (), *, lifespan: Lifespan | None = None, rest: App | None = None
    ) -> None:
        self._served = served
        self._table = RoutingTable(routes)
        self._loaded: set[str] = set()
        self._loading = asyncio.Lock()
        self._lifespan = lifespan
        self._rest = rest
        self._is_shared = isinstance(served.inbound, FairInbound)
        self._tally = Tally()
        self._table.add([metrics_route(self._tally)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one web socket, or the life of the server."""
        if scope["type"] == "lifespan":
            await live(self._lifespan, receive, send)
            return
        tally, path, held = self._tally, scope["path"], None
        tally.open += 1
        if self._is_shared:
            held = Held()
            HELD.set(held)
        try:
            methods, params = self._table.find(path)
            if not methods:
                methods, params = await self._find_late(path)
                if not methods and self._rest is not None:
                    await self._to_rest(self._rest, scope, receive, send)
                    return
            method = scope["method"] if scope["type"] == "http" else WEBSOCKET
            route, voice, begun_at = methods.get(method), _Voice(scope, send), perf_counter()
            try:
                if route is None:
                    _refuse(methods)
                self._check_limits(scope)
                request = Request(method, path, Headers(scope["headers"]), receive, scope, params)
                await route.endpoint(request, voice.send)
            except FujieError as error:
                await voice.refuse(route, error)
            except Exception as error:  # noqa: BLE001 - a fault of ours: the caller gets an answer, the log where it was
                _log.error("%s %s failed: %s", method, route.path if route else "", kinds_and_places(error))
                await voice.refuse(route, FujieError("something went wrong here; the log has it"))
            finally:
                # What answers nothing is counted under no method: whoever asks may make up as many as he likes.
                tally.count(method if route else "", route.path if route else "", voice.status, begun_at)
        finally:
            tally.open -= 1
            if held:
                for user, give_back in held.items():
                    give_back(user)

    async def _to_rest(self, rest: App, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the developer's own application answer, within the limits that hold for every request."""
        limit, size = self._served.config.max_body_bytes, 0

        async def limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body") or b"")
            if message["type"] == "http.request" and size > limit:
                raise TooLargeError(f"the body is over {limit} bytes", repair="send less at once")
            return message

        voice = _Voice(scope, send)
        try:
            self._check_limits(scope)
            await rest(scope, limited, voice.send)
        except FujieError as error:
            await voice.refuse(None, error)

    async def _find_late(self, path: str) -> tuple[Mapping[str, Route], Mapping[str, str]]:
        module = module_for(path)
        if module is not None and module not in self._loaded:
            await self._load(module)
        return self._table.find(path)

    async def _load(self, module: str) -> None:
        """Import a protocol at its first request: in a thread, if others are being answered."""
        async with self._loading:
            if module not in self._loaded:
                at_once = module in sys.modules or self._tally.open == 1
                loaded = import_module(module) if at_once else await asyncio.to_thread(import_module, module)
                self._table.add(loaded.routes(self._served))
                self._loaded.add(module)

    def _check_limits(self, scope: Scope) -> None:
        size = 0
        for name, value in scope["headers"]:
            size += len(name) + len(value)
        if size > MAX_HEADER_BYTES:
            raise HeadersTooLargeError(f"the headers are over {MAX_HEADER_BYTES} bytes")
        if self._tally.open > self._served.config.max_open_requests:
            raise OverloadedError("as many requests are open as may be", repair="try again in a moment")


def _refuse(methods: Mapping[str, Route]) -> NoReturn:
    raise MethodError(methods) if methods else NotFoundError("there is nothing here")


class _Voice(Struct):
    """The client's `send`, which knows whether the answer has begun: after that, no error can be told."""

    scope: Scope
    pass_on: Send
    status: int = 0
    """Of the answer that has begun; 101 for an open web socket."""

    def send(self, message: Message) -> Awaitable[None]:
        if not self.status:
            self.status = message.get("status", 101)
        return self.pass_on(message)

    async def refuse(self, route: Route | None, error: FujieError) -> None:
        if self.status:
            return
        refusal = route.refuse(error) if route else plain_refusal(error)
        self.status = refusal.status
        if self.scope["type"] == "http":
            await say(self.pass_on, refusal)
        else:
            await _refuse_socket(self.scope, self.pass_on, refusal)


async def _refuse_socket(scope: Scope, send: Send, refusal: Answer) -> None:
    """Answer a handshake over HTTP where the server can, else close: it makes a 403 of that."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return

    async def in_handshake(message: Message) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    await say(in_handshake, refusal)
