"""`/_fujie/`: the knobs and windows that the real cloud does not have. For this machine only."""

import json
import math
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fujie_emulator.core.clock import iso
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.importing import import_resources
from fujie_emulator.core.opening import reopen
from fujie_emulator.core.rpc import read_body
from fujie_emulator.core.services import Service
from fujie_emulator.core.snapshot import restore, snapshot_answer

MAX_BODY = 1 << 20
MAX_IMPORT = 16 << 20
_LONGEST_NUMBER = 18  # digits
_FURTHEST_S = 10 * 365 * 86400.0


def admin_routes(cloud: Cloud, services: list[Service]) -> list[Route]:
    """Return the routes of the core; services add their own beside them."""
    admin = _Admin(cloud, services)
    return [
        Route("/_fujie/health", admin.health),
        Route("/_fujie/requests", admin.requests),
        Route("/_fujie/inventory", admin.inventory),
        Route("/_fujie/clock", admin.clock, methods=["GET", "POST"]),
        Route("/_fujie/faults", admin.faults, methods=["GET", "POST", "DELETE"]),
        Route("/_fujie/reset", admin.reset, methods=["POST"]),
        Route("/_fujie/import", admin.imported, methods=["POST"]),
        Route("/_fujie/snapshot", admin.snapshot, methods=["GET"]),
        Route("/_fujie/snapshot", admin.restore, methods=["PUT"]),
    ]


@dataclass(frozen=True)
class _Admin:
    cloud: Cloud
    services: list[Service]

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "account_id": self.cloud.account_id, "region": self.cloud.region})

    async def requests(self, request: Request) -> JSONResponse:
        after = request.query_params.get("after", "0")
        if not after.isdecimal() or not after.isascii() or len(after) > _LONGEST_NUMBER:
            raise CloudError("InvalidParameter.after", 400, "after must be the number of a row.")
        return JSONResponse({"requests": self.cloud.journal.after(int(after))})

    async def inventory(self, _: Request) -> JSONResponse:
        return JSONResponse({"counts": self.cloud.store.counts()} | _inventories(self.cloud, self.services))

    async def clock(self, request: Request) -> JSONResponse:
        clock = self.cloud.clock
        if request.method == "POST":
            clock.advance(_seconds(await json_body(request), clock.offset_s))
        return JSONResponse({"now": iso(clock.now()), "offset_s": clock.offset_s})

    async def faults(self, request: Request) -> JSONResponse:
        if request.method == "POST":
            return JSONResponse(self.cloud.faults.arm(await json_body(request)).as_dict(), 201)
        if request.method == "DELETE":
            self.cloud.faults.clear()
        return JSONResponse({"faults": self.cloud.faults.armed()})

    async def reset(self, _: Request) -> JSONResponse:
        """Forget everything but the account, its key and its demo users; functions that run go on."""
        self.cloud.store.clear(keep=("core", "account"))
        self.cloud.faults.clear()
        self.cloud.journal.clear()
        reopen(self.cloud)
        return JSONResponse(_account(self.cloud))

    async def imported(self, request: Request) -> JSONResponse:
        document = await json_body(request, MAX_IMPORT)
        return JSONResponse({"imported": await import_resources(self.cloud, self.services, document)})

    async def snapshot(self, _: Request) -> Response:
        return await snapshot_answer(self.cloud)

    async def restore(self, request: Request) -> JSONResponse:
        await restore(self.cloud, request)
        return JSONResponse(_account(self.cloud))


async def json_body(request: Request, limit: int = MAX_BODY) -> dict[str, Any]:
    """Return the JSON object of an admin request; raise InvalidParameter 400 (CloudError)."""
    try:
        body = json.loads(await read_body(request, limit))
    except (ValueError, RecursionError) as error:
        raise CloudError("InvalidParameter", 400, "The body must be JSON.") from error
    if not isinstance(body, dict):
        raise CloudError("InvalidParameter", 400, "The body must be a JSON object.")
    return body


def _account(cloud: Cloud) -> dict[str, str]:
    return {"account_id": cloud.account_id, "access_key_id": cloud.account.access_key_id}


def _seconds(body: dict[str, Any], offset_s: float) -> float:
    seconds = body.get("advance_s")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not math.isfinite(seconds):
        raise CloudError("InvalidParameter.advance_s", 400, "advance_s must be a number of seconds.")
    if abs(seconds) > _FURTHEST_S or abs(seconds + offset_s) > _FURTHEST_S:
        raise CloudError("InvalidParameter.advance_s", 400, "The clock stays within ten years of real time.")
    return float(seconds)


def _inventories(cloud: Cloud, services: list[Service]) -> dict[str, Any]:
    return {service.name: service.inventory(cloud) for service in services if service.inventory is not None}
