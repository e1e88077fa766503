"""The RPC front door: `POST /`, routed on version and action, answered as JSON whatever happens."""

import inspect
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from fujie_emulator.core.call import ANONYMOUS, Caller, RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError, DropConnection
from fujie_emulator.core.journal import note
from fujie_emulator.core.signing import UnverifiedRequest, decoded, unverified_request, verify_acs3, verify_v1

logger = logging.getLogger(__name__)
MAX_BODY = 1 << 20  # bytes; the largest RPC parameter is a policy of 6 KB
Action = Callable[[Cloud, RpcCall], dict[str, Any] | Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class RpcService:
    """One product of the cloud: its version, what it does, what it openly does not, what needs no signature."""

    name: str
    version: str
    actions: Mapping[str, Action]
    refused: Mapping[str, str] = field(default_factory=dict)
    anonymous: frozenset[str] = frozenset()


class RpcFront:
    """Dispatches RPC requests to the services; an endpoint for `POST /`."""

    def __init__(self, cloud: Cloud, services: list[RpcService]) -> None:
        self._cloud = cloud
        self._services = {service.version: service for service in services}

    async def __call__(self, request: Request) -> JSONResponse:
        """Answer one request."""
        request_id = str(uuid.uuid4()).upper()
        service_name = ""
        try:
            body = await read_body(request, MAX_BODY)
            unverified = unverified_request(request, body)
            params = _params(unverified)
            service, action = self._route(unverified, params)
            service_name = service.name
            answer = await self._answer(service, action, unverified, params, request_id)
        except CloudError as error:
            note(code=error.code)
            return error_response(self._cloud, error, service_name, request_id)
        return JSONResponse(answer | {"RequestId": request_id}, media_type="application/json;charset=utf-8")

    def _route(self, request: UnverifiedRequest, params: Mapping[str, str]) -> tuple[RpcService, str]:
        version = request.header("x-acs-version") or params.get("Version", "")
        action = request.header("x-acs-action") or params.get("Action", "")
        service = self._services.get(version)
        if service is None:
            raise CloudError("InvalidVersion", 400, f"No product here has the version {version[:64]!r}.")
        note(service=service.name, action=action[:128])
        if action in service.refused:
            raise CloudError(
                "UnsupportedOperation",
                400,
                f"The emulator does not do {service.name} {action}: {service.refused[action]}",
            )
        if action not in service.actions:
            raise CloudError(
                "InvalidApi.NotFound", 404, f"Specified api {action[:128]!r} is not found in {service.name} {version}."
            )
        return service, action

    async def _answer(
        self, service: RpcService, action: str, request: UnverifiedRequest, params: dict[str, str], request_id: str
    ) -> dict[str, Any]:
        caller = verified_caller(self._cloud, request, params, anonymous=action in service.anonymous)
        note(caller=caller)
        await self._cloud.faults.apply(service.name, action)
        call = RpcCall(service.name, action, params, caller, request_id)
        try:
            answer = service.actions[action](self._cloud, call)
            return await answer if inspect.isawaitable(answer) else answer
        except (CloudError, ClientDisconnect, DropConnection):
            raise
        except Exception as error:  # the cloud's edge answers JSON whatever a service did wrong
            logger.exception("%s %s failed", service.name, action)
            raise CloudError(
                "InternalError", 500, "The request processing has failed due to an unknown error."
            ) from error


def verified_caller(cloud: Cloud, request: UnverifiedRequest, params: Mapping[str, str], *, anonymous: bool) -> Caller:
    """Return who signed, by whichever of the two ways; no signature at all passes only where it may."""
    if request.header("authorization"):
        return verify_acs3(cloud, request)
    if "Signature" in params or "AccessKeyId" in params:
        return verify_v1(cloud, request.method, params)
    if anonymous:
        return ANONYMOUS
    raise CloudError("MissingAccessKeyId", 400, "AccessKeyId is mandatory for this action.")


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body of at most `limit` bytes, else raise RequestEntityTooLarge 413 (CloudError)."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def written(value: Any) -> str:
    """Return a JSON value as a parameter carries it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def error_response(cloud: Cloud, error: CloudError, service: str, request_id: str = "") -> JSONResponse:
    """Render an error in the cloud's envelope."""
    request_id = request_id or str(uuid.uuid4()).upper()
    body = {
        "RequestId": request_id,
        "HostId": f"{service or 'api'}.{cloud.region}.aliyuncs.com",
        "Code": error.code,
        "Message": error.message,
        "Recommend": f"https://api.aliyun.com/troubleshoot?q={error.code}&requestId={request_id}",
    } | error.extra
    headers = {"x-acs-request-id": request_id} | error.headers
    return JSONResponse(body, error.status, headers, media_type="application/json;charset=utf-8")


def _params(request: UnverifiedRequest) -> dict[str, str]:
    pairs = decoded(request.query)
    if request.header("content-type").split(";")[0].strip() == "application/x-www-form-urlencoded":
        pairs += decoded(_text(request.body))
    return dict(pairs)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise CloudError("InvalidParameter", 400, "The form is not UTF-8.") from error


def _too_large(limit: int) -> CloudError:
    return CloudError("RequestEntityTooLarge", 413, f"The body is longer than {limit} bytes.")
