"""The partners' APIs: who may ask what, and the answer."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request

from fujie_emulator.core.call import Caller
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.journal import fingerprint, note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.partners.delegated import delegated_grant
from fujie_emulator.partners.documents import read_document, write_document
from fujie_emulator.partners.errors import PartnerError, not_found, unauthorized
from fujie_emulator.partners.oauth import grant_of
from fujie_emulator.partners.state import Partner
from fujie_emulator.partners.weather import current_weather

MAX_BODY = 512 * 1024
Endpoint = Callable[[Cloud, Partner, Request], Awaitable[Any]]


async def get_current_weather(cloud: Cloud, found: Partner, request: Request) -> Any:
    """`GET api/v1/current?city=`, with an API key."""
    _check_key(found, request)
    return current_weather(request.query_params.get("city", ""), cloud.clock.now())


async def get_current_time(cloud: Cloud, found: Partner, request: Request) -> Any:
    """`GET api/v1/now?time_zone=`, with the scope time.read."""
    _account(cloud, found, request, "time.read")
    zone = request.query_params.get("time_zone") or "Asia/Shanghai"
    local = _in_zone(cloud.clock.now(), zone)
    return {"time_zone": zone, "now": local.isoformat(timespec="seconds"), "weekday": f"{local:%A}"}


async def write_text(cloud: Cloud, found: Partner, request: Request) -> Any:
    """`POST api/v1/documents/{document}` with {"text"}, with the scope document.write."""
    account = _account(cloud, found, request, "document.write")
    return write_document(cloud, account, request.path_params["document"], await _json(request))


async def read_text(cloud: Cloud, found: Partner, request: Request) -> Any:
    """`GET api/v1/documents/{document}`, with the scope document.read."""
    account = _account(cloud, found, request, "document.read")
    return read_document(cloud, account, request.path_params["document"])


async def read_resource(cloud: Cloud, found: Partner, request: Request) -> Any:
    """`GET api{path}?key=value` of a registered partner; the filters apply to lists of objects."""
    path = "/" + request.path_params["path"]
    resource = found.resources.get(path)
    scope = str((resource or {}).get("scope", ""))
    if found.api_keys_sha256 and not scope:
        _check_key(found, request)
    else:
        _account(cloud, found, request, scope)
    if resource is None:
        raise not_found(f"resource {path[:128]!r}")
    return _filtered(resource["data"], dict(request.query_params))


def credential_of(request: Request) -> str:
    """Return the credential that the request carries, in whichever header, or "" when it carries none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get("x-acs-dingtalk-access-token") or request.headers.get("x-api-key") or ""


def _check_key(found: Partner, request: Request) -> None:
    key = credential_of(request)
    note(credential_fingerprint=fingerprint(key) if key else "")
    if not key or not found.knows_key(key):
        raise unauthorized("The API key is missing or unknown.")
    note(caller=Caller("bearer", name="api-key"))


def _account(cloud: Cloud, found: Partner, request: Request, scope: str) -> str:
    token = credential_of(request)
    note(credential_fingerprint=fingerprint(token) if token else "")
    is_jwt = token.count(".") == 2
    grant = delegated_grant(cloud, found, token, scope) if is_jwt else grant_of(cloud, found, token, scope)
    note(caller=Caller("bearer", name=grant.account))
    return grant.account


def _in_zone(moment: datetime, zone: str) -> datetime:
    try:
        return moment.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PartnerError(400, "invalid_time_zone", "time_zone must be a name such as Asia/Shanghai.") from error


async def _json(request: Request) -> Any:
    try:
        return json.loads(await read_body(request, MAX_BODY))
    except (ValueError, RecursionError) as error:
        raise PartnerError(400, "invalid_json", "The body must be JSON.") from error


def _filtered(data: Any, wanted: dict[str, str]) -> Any:
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        return data
    return [item for item in data if all(_shown(item.get(name)) == value for name, value in wanted.items())]


def _shown(value: Any) -> str | None:
    return value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)
