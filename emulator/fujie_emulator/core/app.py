"""The cloud as one ASGI application on one port."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fujie_emulator.core.admin import admin_routes
from fujie_emulator.core.cloud import ORIGINS, Cloud
from fujie_emulator.core.door import admit
from fujie_emulator.core.errors import CloudError, DropConnection
from fujie_emulator.core.journal import note
from fujie_emulator.core.rpc import RpcFront, error_response
from fujie_emulator.core.services import Service
from fujie_emulator.inspector.routes import inspector_routes

TRANSPORT = "fujie.transport"  # the scope extension that holds a connection's transport
ExceptionHandler = Callable[[Request, Any], Response]


def create_app(cloud: Cloud, services: list[Service]) -> ASGIApp:
    """Return the whole cloud: RPC services, every other route, the admin routes."""
    front = RpcFront(cloud, [service.rpc for service in services if service.rpc is not None])
    windows = [*admin_routes(cloud, services), *inspector_routes(cloud)]
    routes: list[BaseRoute] = [Route("/", front.__call__, methods=["POST"]), *windows]  # the busiest first
    apart = {"oss": Router(), "sls": Router()}  # known by their signatures: their paths are others' too
    for service in services:
        if service.http_routes is not None:
            own = apart[service.name].routes if service.name in apart else routes
            own.extend(service.http_routes(cloud))
    handlers = _exception_handlers(cloud)
    guarded = {name: ServerErrorMiddleware(router, handler=handlers[Exception]) for name, router in apart.items()}
    return Edge(cloud, Starlette(routes=routes, exception_handlers=handlers), guarded["oss"], guarded["sls"])


@asynccontextmanager
async def running_services(cloud: Cloud, services: list[Service]) -> AsyncIterator[None]:
    """Keep open what services need while the cloud serves (their own listeners, queues, processes)."""
    async with AsyncExitStack() as stack:
        for service in services:
            if service.lifespan is not None:
                await stack.enter_async_context(service.lifespan(cloud))
        yield


class Edge:
    """What every request passes first: users' own domains, its journal row, the admin door, the way to the objects."""

    def __init__(self, cloud: Cloud, inner: ASGIApp, objects: ASGIApp, logs: ASGIApp) -> None:
        self._cloud = cloud
        self._inner = inner
        self._objects = objects
        self._logs = logs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        origins = self._cloud.parts.get(ORIGINS)
        is_request = scope["type"] in ("http", "websocket")
        if is_request and origins is not None and origins.knows(host := _host(scope)):
            await origins(host, scope, receive, send)
            return
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        with self._cloud.journal.entry() as entry:
            half = HalfAnswer(scope, receive, send)

            async def send_and_keep(message: Message) -> None:
                if message["type"] == "http.response.start":
                    entry.status = message["status"]
                    _add_date(message, self._cloud.clock.time())
                    self._cloud.journal.keep(entry)
                await (half.send(message) if entry.truncated else send(message))

            with suppress(ClientDisconnect):  # who hung up while we read gets no answer, and is no failure of ours
                await self._serve(scope, receive, send_and_keep)
            await half.ended()
            self._cloud.journal.keep(entry)  # a dropped connection started no answer

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if scope["path"].startswith("/_fujie/"):
            try:
                admit(self._cloud, request)
            except CloudError as error:
                await error_response(self._cloud, error, "fujie")(scope, receive, send)
                return
        elif is_object_request(request):
            await self._objects(scope, receive, send)
            return
        elif request.headers.get("authorization", "").startswith("LOG "):
            await self._logs(scope, receive, send)
            return
        await self._inner(scope, receive, send)


def _host(scope: Scope) -> str:
    """Return the host that the request names, without its port."""
    named = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return named.decode("latin-1").rpartition(":")[0].lower() or named.decode("latin-1").lower()


def _add_date(message: Message, time_s: float) -> None:
    """Tell the cloud's time, by which clients correct theirs, unless the service did."""
    headers = message.setdefault("headers", [])
    if not any(name.lower() == b"date" for name, _ in headers):
        message["headers"] = [*headers, (b"date", formatdate(time_s, usegmt=True).encode())]


def is_object_request(request: Request) -> bool:
    """Tell whether the object store is meant: it has no path of its own, but its own signatures."""
    if request.headers.get("authorization", "").startswith("OSS"):
        return True
    query = parse_qs(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return "OSSAccessKeyId" in query or "x-oss-signature-version" in query


class Dropped(Response):
    """No answer: the connection is cut through the handle that our server protocol puts there (serving.py)."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Cut the connection, and wait until the server noticed, or it would answer in our place."""
        scope["extensions"][TRANSPORT]["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            pass


class HalfAnswer:
    """Sends the first half of an answer's first bytes, and then ends the connection."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._cut = False

    async def send(self, message: Message) -> None:
        """Pass on the head; of the body, half of the first part that has any."""
        if self._cut:
            return
        body = message.get("body", b"")
        if not body:
            await self._send(message)
            return
        await self._send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        self._cut = True
        self._scope["extensions"][TRANSPORT]["transport"].close()  # what was written is sent, unlike with abort

    async def ended(self) -> None:
        """Wait until the server noticed that the connection is gone, or it would complain of an unfinished answer."""
        while self._cut and (await self._receive())["type"] != "http.disconnect":
            pass


def _exception_handlers(cloud: Cloud) -> dict[Any, ExceptionHandler]:
    def on_cloud_error(_: Request, error: CloudError) -> Response:
        note(code=error.code)
        return error_response(cloud, error, "")

    def on_http_exception(request: Request, error: HTTPException) -> Response:
        code = {404: "InvalidApi.NotFound", 405: "UnsupportedHTTPMethod"}.get(error.status_code, "InvalidParameter")
        words = f"The emulator has nothing at {request.method} {request.url.path[:128]}."
        return error_response(cloud, CloudError(code, error.status_code, words), "")

    def on_crash(_: Request, _error: Exception) -> Response:
        words = "The request processing has failed due to an unknown error."
        return error_response(cloud, CloudError("InternalError", 500, words), "")

    def on_drop(_: Request, _error: DropConnection) -> Response:
        return Dropped()

    return {
        CloudError: on_cloud_error,
        HTTPException: on_http_exception,
        DropConnection: on_drop,
        Exception: on_crash,
    }
