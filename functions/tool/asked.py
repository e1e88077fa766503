"""What a request to tool says, checked at the door: who speaks, and one call that is exactly what the token names."""

import hmac
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fujie.errors import TooLargeError
from fujie.identity.errors import TokenInvalidError
from fujie.identity.internal import InternalCaller, arguments_hash
from fujie.secret import Secret
from functions.tool.parts import Parts

MAX_BODY_BYTES = 1024 * 1024
Body = TypeVar("Body", bound=BaseModel)


class ToolCallRequest(BaseModel):
    """The body of `POST /tools/{name}/call`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    call_id: Annotated[str, Field(min_length=1, max_length=200)]
    arguments: dict[str, Any]
    language: Literal["en", "zh"] = "en"


class WithdrawalRequest(BaseModel):
    """The body of `POST /withdrawals`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    provider: Annotated[str, Field(min_length=1, max_length=128)]


async def speaker(request: Request) -> InternalCaller:
    """Return which function speaks; raises TokenInvalidError or TokenExpiredError."""
    parts: Parts = request.app.state.parts
    return parts.verifier.verify(_bearer(request))


async def asked_withdrawal(request: Request) -> tuple[Secret, str]:
    """Return the unverified token and the provider of a withdrawal; raises TokenInvalidError."""
    unverified_token = _bearer(request)
    return unverified_token, _read(WithdrawalRequest, await _limited_body(request)).provider


def _bearer(request: Request) -> Secret:
    scheme, _, unverified = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not unverified.strip():
        raise TokenInvalidError("an internal token is required")
    return Secret(unverified.strip())


async def asked_call(request: Request, caller: InternalCaller, name: str) -> ToolCallRequest:
    """Return the call; raises TokenInvalidError when the token was minted for another one."""
    asked = _read(ToolCallRequest, await _limited_body(request))
    try:
        digest = arguments_hash(asked.arguments)
    except ValueError as error:  # NaN, or half of a surrogate pair
        raise _malformed("arguments", "the arguments are not JSON") from error
    if not (_same(caller.tool, name) and _same(caller.call_id, asked.call_id) and _same(caller.arguments_hash, digest)):
        raise TokenInvalidError("the internal token is for another tool, call or other arguments")
    return asked


async def _limited_body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise TooLargeError(f"a tool call may be at most {MAX_BODY_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _read(kind: type[Body], body: bytes) -> Body:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        raise RequestValidationError([item | {"loc": ("body", *item["loc"])} for item in found]) from error


def _malformed(field: str, said: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": ("body", field), "msg": said}])


def _same(one: str, other: str) -> bool:
    return bool(one) and hmac.compare_digest(one.encode(), other.encode())
