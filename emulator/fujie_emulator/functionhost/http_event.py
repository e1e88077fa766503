"""The event that a built-in runtime gets for an HTTP request, and the response that its result means (fc.md 1.1)."""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from fujie_emulator.functionhost.errors import FunctionFailedError
from fujie_emulator.functionhost.limits import BODY_LIMIT, Header

_TEXT = ("text/", "application/json", "application/javascript", "application/xml")


@dataclass(frozen=True)
class HttpRequest:
    """A whole HTTP request, as a trigger received it."""

    method: str
    path: str
    raw_path: bytes
    query: bytes
    headers: tuple[Header, ...]
    body: bytes
    source_ip: str


@dataclass(frozen=True)
class HttpResponse:
    """What a handler's result means on the wire."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


def event_from_request(request: HttpRequest, *, account_id: str, domain: str, request_id: str, now: datetime) -> bytes:
    """Return the event's bytes. Repeated headers and query keys come joined by commas, as FC sends them."""
    headers = _joined((_canonical(name.decode("latin-1")), value.decode("latin-1")) for name, value in request.headers)
    body, is_base64 = _body(request.body, headers.get("Content-Type", ""))
    event = {
        "version": "v1",
        "rawPath": request.raw_path.decode("latin-1"),
        "body": body,
        "isBase64Encoded": is_base64,
        "headers": headers,
        "queryParameters": _joined(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)),
        "requestContext": {
            "accountId": account_id,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": headers.get("User-Agent", ""),
            },
            "requestId": request_id,
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "timeEpoch": str(int(now.timestamp() * 1000)),
        },
    }
    return json.dumps(event, ensure_ascii=False).encode()


def response_from_result(payload: bytes) -> HttpResponse:
    """Return the HTTP response that a handler's result means; BadResponse (502) when its fields are wrong.

    A result without `statusCode` is the body itself, with status 200 and JSON's content type.
    """
    result = _json(payload)
    if not isinstance(result, dict) or "statusCode" not in result:
        return _limited(HttpResponse(200, ((b"content-type", b"application/json"),), payload))
    status, headers, body = result["statusCode"], result.get("headers") or {}, result.get("body") or ""
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise _bad("statusCode must be a whole number from 200 to 599")
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise _bad("headers must be an object of strings")
    if not isinstance(body, str):
        raise _bad("body must be a string")
    return _limited(HttpResponse(status, _wire(headers), _decoded(body, result.get("isBase64Encoded"))))


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _wire(headers: dict[str, str]) -> tuple[Header, ...]:
    try:
        wire = tuple((name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items())
    except UnicodeEncodeError as error:
        raise _bad("header names must be ASCII and values Latin-1") from error
    if any(set(b"\r\n\0") & set(name + value) for name, value in wire):
        raise _bad("headers must not contain line breaks")
    return tuple((name, value) for name, value in wire if name != b"content-length")


def _decoded(body: str, is_base64: Any) -> bytes:
    if not is_base64:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad("body is not base64 although isBase64Encoded says so") from error


def _limited(response: HttpResponse) -> HttpResponse:
    if len(response.body) > BODY_LIMIT:
        raise _bad(f"the response body may have at most {BODY_LIMIT} bytes")
    return response


def _bad(problem: str) -> FunctionFailedError:
    return FunctionFailedError("BadResponse", problem)


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    """Return the body as the event carries it: text only for types known to be text, all others in base64."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith(_TEXT) or kind.endswith(("+json", "+xml")):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
