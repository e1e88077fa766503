"""`/_fujie/functions` and `/_fujie/routes`: declare functions and the origin's table. The cloud has no such routes."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.rpc import read_body
from fujie_emulator.functionhost.errors import FunctionNotFoundError
from fujie_emulator.functionhost.host import FunctionHost
from fujie_emulator.functionhost.routing import table_from_document
from fujie_emulator.functionhost.specification import spec_from_document

PART = "functionhost"
MAX_BODY = 64 * 1024
ECHO_VARIABLE = "FUJIE_EMULATOR_ECHO_LOGS"  # "1": the functions' output goes to the terminal too, with their names


def host_of(cloud: Cloud) -> FunctionHost:
    """Return the host of this account; CloudError ServiceUnavailable (503) while the cloud does not serve."""
    host = cloud.parts.get(PART)
    if not isinstance(host, FunctionHost):
        raise CloudError("ServiceUnavailable", 503, "The function host is not running.")
    return host


@asynccontextmanager
async def lifespan(cloud: Cloud) -> AsyncIterator[None]:
    """Keep the host while the cloud serves; its instances end with it."""
    host = FunctionHost(cloud, echo_logs=os.environ.get(ECHO_VARIABLE) == "1")
    cloud.parts[PART] = host
    try:
        yield
    finally:
        del cloud.parts[PART]
        await host.close()


def http_routes(cloud: Cloud) -> list[BaseRoute]:
    """Return the admin routes of the host."""

    async def functions(_: Request) -> JSONResponse:
        return JSONResponse(host_of(cloud).status())

    async def declare(request: Request) -> JSONResponse:
        spec = spec_from_document(request.path_params["name"], await _document(request))
        function = await host_of(cloud).declare(spec)
        return JSONResponse(function.status())

    async def restart(request: Request) -> JSONResponse:
        try:
            function = host_of(cloud).get(request.path_params["name"])
        except FunctionNotFoundError as error:
            raise CloudError(error.code, error.status, error.message) from error
        function.restart()
        return JSONResponse(function.status())

    async def routes(request: Request) -> JSONResponse:
        document = await _document(request)
        port = cloud.host_base_port
        if isinstance(document, dict):
            port, document = _port(document.get("port", port)), document.get("routes")
        return JSONResponse({"port": await host_of(cloud).route(table_from_document(document), port)})

    return [
        Route("/_fujie/functions", functions),
        Route("/_fujie/functions/{name}", declare, methods=["PUT"]),
        Route("/_fujie/functions/{name}/restart", restart, methods=["POST"]),
        Route("/_fujie/routes", routes, methods=["PUT"]),
    ]


def inventory(cloud: Cloud) -> dict[str, Any]:
    """Return what runs, for the admin route's inventory."""
    return host_of(cloud).status()


async def _document(request: Request) -> Any:
    try:
        return json.loads(await read_body(request, MAX_BODY))
    except (ValueError, RecursionError) as error:
        raise CloudError("InvalidArgument", 400, "The body must be JSON.") from error


def _port(value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65_535):
        return value
    raise CloudError("InvalidArgument", 400, "port must be a whole number from 0 to 65535.")
