"""`/_fujie/`: the knobs and windows that the real cloud does not have. For this machine only."""

import json
import math
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fujie_emulator.core.clock import iso
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.rpc import read_body
from fujie_emulator.core.services import Service

MAX_BODY = 1 << 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FURTHEST_S = 10 * 365 * 86400.0


def admin_routes(cloud: Cloud, services: list[Service]) -> list[Route]:
    """Return the routes of the core; services add their own beside them."""

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "account_id": cloud.account_id, "region": cloud.region})

    async def requests(request: Request) -> JSONResponse:
        after = request.query_params.get("after", "0")
        if not after.isdigit():
            raise CloudError("InvalidParameter.after", 400, "after must be the number of a row.")
        return JSONResponse({"requests": cloud.journal.after(int(after))})

    async def inventory(_: Request) -> JSONResponse:
        return JSONResponse({"counts": cloud.store.counts()} | _inventories(cloud, services))

    async def clock(request: Request) -> JSONResponse:
        if request.method == "POST":
            cloud.clock.advance(_seconds(await json_body(request)))
        return JSONResponse({"now": iso(cloud.clock.now()), "offset_s": cloud.clock.offset_s})

    async def faults(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            cloud.faults.clear()
            return JSONResponse({})
        fault = cloud.faults.arm(await json_body(request))
        return JSONResponse({"service": fault.service, "action": fault.action, "kind": fault.kind}, 201)

    return [
        Route("/_fujie/health", health),
        Route("/_fujie/requests", requests),
        Route("/_fujie/inventory", inventory),
        Route("/_fujie/clock", clock, methods=["GET", "POST"]),
        Route("/_fujie/faults", faults, methods=["POST", "DELETE"]),
    ]


def check_local(request: Request) -> None:
    """Raise Forbidden 403 (CloudError) unless a program on this machine asks.

    The Host must be a loopback name (a rebound DNS name is not one), and no web page may ask: browsers send
    Origin or Sec-Fetch-Site with every request that a page makes to another site.
    """
    client = request.client.host if request.client else "127.0.0.1"
    host = request.headers.get("host", "")
    name = urlsplit(host if "://" in host else f"//{host}").hostname or ""
    if client not in _LOOPBACK or name not in _LOOPBACK:
        raise CloudError("Forbidden", 403, "Only loopback addresses and names may use /_fujie/.")
    if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise CloudError("Forbidden", 403, "Web pages may not use /_fujie/.")


async def json_body(request: Request) -> dict[str, Any]:
    """Return the JSON object of an admin request; raise InvalidParameter 400 (CloudError)."""
    try:
        body = json.loads(await read_body(request, MAX_BODY))
    except (ValueError, RecursionError) as error:
        raise CloudError("InvalidParameter", 400, "The body must be JSON.") from error
    if not isinstance(body, dict):
        raise CloudError("InvalidParameter", 400, "The body must be a JSON object.")
    return body


def _seconds(body: dict[str, Any]) -> float:
    seconds = body.get("advance_s")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not math.isfinite(seconds):
        raise CloudError("InvalidParameter.advance_s", 400, "advance_s must be a number of seconds.")
    if abs(seconds) > _FURTHEST_S:
        raise CloudError("InvalidParameter.advance_s", 400, "advance_s must be within ten years.")
    return float(seconds)


def _inventories(cloud: Cloud, services: list[Service]) -> dict[str, Any]:
    return {service.name: service.inventory(cloud) for service in services if service.inventory is not None}
