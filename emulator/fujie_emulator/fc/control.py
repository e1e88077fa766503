"""The control plane on the wire: functions and HTTP triggers are made, read, changed and deleted."""

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fujie_emulator.core.call import Caller
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.iam import authorize
from fujie_emulator.core.journal import note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.core.signing import verify_roa
from fujie_emulator.fc import functions, triggers
from fujie_emulator.fc.errors import invalid, unsupported
from fujie_emulator.fc.state import function_arn

BASE = "/2023-03-30"
MAX_BODY = 1 << 20
_EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_MOST_LISTED = 100


@dataclass(frozen=True)
class Asked:
    """One verified call of the control plane."""

    cloud: Cloud
    caller: Caller
    action: str
    request: Request
    body: dict[str, Any]

    @property
    def function(self) -> str:
        return str(self.request.path_params["function"])

    @property
    def trigger(self) -> str:
        return str(self.request.path_params["trigger"])

    def authorize(self, function: str, trigger: str = "") -> None:
        """Raise NoPermission unless RAM allows the action on the function, or on its trigger."""
        arn = function_arn(self.cloud, function) + (f"/triggers/{trigger}" if trigger else "")
        authorize(self.cloud, self.caller, f"fc:{self.action}", [arn])

    def authorize_role(self) -> None:
        """Raise NoPermission when the caller hands the function a role that he may not pass on."""
        role = self.body.get("role")
        if isinstance(role, str) and role:
            authorize(self.cloud, self.caller, "ram:PassRole", [role], {"acs:Service": "fc.aliyuncs.com"})


Action = Callable[[Asked], dict[str, Any] | None]


def create_function(asked: Asked) -> dict[str, Any]:
    asked.authorize(str(asked.body.get("functionName", "")))
    asked.authorize_role()
    return functions.create(asked.cloud, asked.body)


def get_function(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.function)
    if asked.request.query_params.get("qualifier", "LATEST") != "LATEST":
        raise unsupported("versions and aliases beside LATEST")
    return functions.shown(asked.cloud, functions.kept(asked.cloud, asked.function))


def update_function(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.function)
    asked.authorize_role()
    return functions.update(asked.cloud, asked.function, asked.body)


def delete_function(asked: Asked) -> None:
    asked.authorize(asked.function)
    functions.delete(asked.cloud, asked.function)


def list_functions(asked: Asked) -> dict[str, Any]:
    asked.authorize("*")
    found = functions.listed(asked.cloud, asked.request.query_params.get("prefix", ""))
    return _page(asked, "functions", found, "functionName")


def create_trigger(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.function, str(asked.body.get("triggerName", "")))
    return triggers.create(asked.cloud, asked.function, asked.body)


def get_trigger(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.function, asked.trigger)
    kept = triggers.kept(asked.cloud, asked.function, asked.trigger)
    return triggers.shown(asked.cloud, asked.function, kept)


def update_trigger(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.function, asked.trigger)
    return triggers.update(asked.cloud, asked.function, asked.trigger, asked.body)


def delete_trigger(asked: Asked) -> None:
    asked.authorize(asked.function, asked.trigger)
    triggers.delete(asked.cloud, asked.function, asked.trigger)


def list_triggers(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.function, "*")
    found = triggers.listed(asked.cloud, asked.function, asked.request.query_params.get("prefix", ""))
    return _page(asked, "triggers", found, "triggerName")


_FUNCTIONS, _FUNCTION = f"{BASE}/functions", f"{BASE}/functions/{{function}}"
_TRIGGERS, _TRIGGER = f"{_FUNCTION}/triggers", f"{_FUNCTION}/triggers/{{trigger}}"
ACTIONS: dict[str, tuple[str, str, Action]] = {
    "CreateFunction": ("POST", _FUNCTIONS, create_function),
    "ListFunctions": ("GET", _FUNCTIONS, list_functions),
    "GetFunction": ("GET", _FUNCTION, get_function),
    "UpdateFunction": ("PUT", _FUNCTION, update_function),
    "DeleteFunction": ("DELETE", _FUNCTION, delete_function),
    "CreateTrigger": ("POST", _TRIGGERS, create_trigger),
    "ListTriggers": ("GET", _TRIGGERS, list_triggers),
    "GetTrigger": ("GET", _TRIGGER, get_trigger),
    "UpdateTrigger": ("PUT", _TRIGGER, update_trigger),
    "DeleteTrigger": ("DELETE", _TRIGGER, delete_trigger),
}


def control_routes(cloud: Cloud) -> list[BaseRoute]:
    """Return the routes of the control plane; the last ones refuse by name what no other route does."""
    routes: list[BaseRoute] = [
        Route(path, _endpoint(cloud, name, action), methods=[method])
        for name, (method, path, action) in ACTIONS.items()
    ]
    routes.append(Route(f"{BASE}/{{rest:path}}", _refusing("Function Compute"), methods=_EVERY_METHOD))
    idle = _refusing("a function that was made from a package; it does not run yet, as the trigger's address:")
    return [*routes, Route("/_fc/triggers/{rest:path}", idle, methods=_EVERY_METHOD)]


def _endpoint(cloud: Cloud, name: str, action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        note(service="fc", action=name)
        body = await read_body(request, MAX_BODY)
        caller = verify_roa(cloud, request, body)
        note(caller=caller)
        await cloud.faults.apply("fc", name)
        answer = action(Asked(cloud, caller, name, request, _document(body)))
        headers = {"x-fc-request-id": str(uuid.uuid4())}
        return Response(status_code=204, headers=headers) if answer is None else JSONResponse(answer, headers=headers)

    return endpoint


def _refusing(what: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        note(service="fc", action="")
        raise unsupported(f"{what} {request.method} {request.url.path[:256]}")

    return endpoint


def _document(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid("body", "a JSON object is right") from error
    if not isinstance(document, dict):
        raise invalid("body", "a JSON object is right")
    return document


def _page(asked: Asked, field: str, found: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Cut a page out of a list by name; the token is the last name of the page before."""
    limit, after = asked.request.query_params.get("limit", "20"), asked.request.query_params.get("nextToken", "")
    if not limit.isdecimal() or not 1 <= int(limit[:9]) <= _MOST_LISTED:
        raise invalid("limit", f"1 to {_MOST_LISTED} is right")
    rest = [each for each in found if each[key] > after]
    page = rest[: int(limit)]
    return {field: page} | ({"nextToken": page[-1][key]} if len(rest) > len(page) else {})
