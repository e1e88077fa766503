"""The cloud as one ASGI application on one port."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fujie_emulator.core.admin import admin_routes, check_local
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError, DropConnection
from fujie_emulator.core.journal import note
from fujie_emulator.core.rpc import RpcFront, error_response
from fujie_emulator.core.services import Service, load_services

ExceptionHandler = Callable[[Request, Any], Response]


def create_app(cloud: Cloud) -> ASGIApp:
    """Return the whole cloud: RPC services, every other route, the admin routes."""
    services = load_services()
    front = RpcFront(cloud, [service.rpc for service in services if service.rpc is not None])
    routes = [*admin_routes(cloud, services), Route("/", front.__call__, methods=["POST"])]
    objects = Router()
    for service in services:
        if service.http_routes is not None:
            (objects.routes if service.name == "oss" else routes).extend(service.http_routes(cloud))
    inner = Starlette(
        routes=routes,
        lifespan=_lifespan(cloud, services),
        exception_handlers=_exception_handlers(cloud),
    )
    return Edge(cloud, inner, objects)


class Edge:
    """What every request passes first: its journal row, the admin routes' door, the way to the object store."""

    def __init__(self, cloud: Cloud, inner: ASGIApp, objects: ASGIApp) -> None:
        self._cloud = cloud
        self._inner = inner
        self._objects = objects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        with self._cloud.journal.entry() as entry:

            async def send_and_keep(message: Message) -> None:
                if message["type"] == "http.response.start":
                    entry.status = message["status"]
                    self._cloud.journal.keep(entry)
                await send(message)

            await self._serve(scope, receive, send_and_keep)
            self._cloud.journal.keep(entry)  # a dropped connection started no answer

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if scope["path"].startswith("/_fujie/"):
            try:
                check_local(request)
            except CloudError as error:
                await error_response(self._cloud, error, "fujie")(scope, receive, send)
                return
        elif is_object_request(request):
            await self._objects(scope, receive, send)
            return
        await self._inner(scope, receive, send)


def is_object_request(request: Request) -> bool:
    """Tell whether the object store is meant: it has no path of its own, but its own signatures."""
    if request.headers.get("authorization", "").startswith("OSS"):
        return True
    query = parse_qs(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return "OSSAccessKeyId" in query or "x-oss-signature-version" in query


class Dropped(Response):
    """No answer: the connection is cut through the handle that our server protocol puts there (serving.py)."""

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:  # type: ignore[override]
        """Cut the connection."""
        scope["extensions"]["fujie.transport"]["transport"].abort()


def _lifespan(cloud: Cloud, services: list[Service]) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for service in services:
                if service.lifespan is not None:
                    await stack.enter_async_context(service.lifespan(cloud))
            yield

    return lifespan


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
