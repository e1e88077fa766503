"""Mangum's adapter for the HTTP event of Function Compute 3.0 (`version` v1, fc.md 1.1).

What the event loses, and no adapter can bring back: a repeated query key arrives as one value joined by commas,
the query's own percent-encoding is gone, and repeated request headers (also Cookie) are joined by commas.
What the response cannot say: more than one Set-Cookie, which is refused, not dropped. Nothing streams.
"""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from mangum.types import LambdaConfig, Response, Scope

from fujie.fc.errors import InexpressibleResponseError

SPEC = "Function Compute 3.0 HTTP trigger event v1"
_TEXT = ("text/", "application/json", "application/javascript", "application/xml")
_PLATFORM = frozenset({"connection", "content-length", "date", "keep-alive", "server"})  # FC writes these itself


def is_http_event(event: Any) -> bool:
    """Tell an HTTP request from the event of a timer, a bucket or a caller of InvokeFunction."""
    return (
        isinstance(event, Mapping)
        and event.get("version") == "v1"
        and "rawPath" in event
        and "http" in (event.get("requestContext") or {})
    )


class HttpEvent:
    """One HTTP event as an ASGI scope, and an ASGI response as FC's response object."""

    def __init__(self, event: Mapping[str, Any], context: Any, _config: LambdaConfig) -> None:
        self.event = event
        self.context = context

    @classmethod
    def infer(cls, event: Mapping[str, Any], _context: Any, _config: LambdaConfig) -> bool:
        """Tell whether this adapter is meant."""
        return is_http_event(event)

    @property
    def body(self) -> bytes:
        """The request's body; the flag counts, never a guess."""
        body = self.event.get("body") or ""
        return base64.b64decode(body) if self.event.get("isBase64Encoded") else body.encode()

    @property
    def scope(self) -> Scope:
        """The ASGI scope."""
        http = self.event["requestContext"]["http"]
        raw_path = self.event.get("rawPath") or "/"
        headers = {name.lower(): value for name, value in (self.event.get("headers") or {}).items()}
        scheme = headers.get("x-forwarded-proto", "https")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "http_version": "1.1",
            "method": http["method"].upper(),
            "path": http.get("path") or unquote(raw_path),
            "raw_path": raw_path.encode(),
            "root_path": "",
            "query_string": urlencode(self.event.get("queryParameters") or {}, quote_via=quote).encode(),
            "headers": [[_wire(name), _wire(value)] for name, value in headers.items()],
            "scheme": scheme,
            "server": _server(headers.get("host", ""), scheme),
            "client": (http.get("sourceIp") or "", 0),
            "state": {},
            "aws.event": self.event,
            "aws.context": self.context,
        }

    def __call__(self, response: Response) -> dict[str, Any]:
        """Return FC's response object; InexpressibleResponseError when it would lose a cookie."""
        headers = _headers(response["headers"])
        text = None if "content-encoding" in headers else _text(response["body"], headers.get("content-type", ""))
        return {
            "statusCode": response["status"],
            "headers": headers,
            "isBase64Encoded": text is None,
            "body": base64.b64encode(response["body"]).decode() if text is None else text,
        }


def _headers(pairs: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in _PLATFORM or name.startswith("x-fc-"):
            continue
        if name == "set-cookie" and name in headers:
            raise InexpressibleResponseError(
                "the response sets more than one cookie, and FC's response object has room for one",
                repair="set one cookie per response, or serve this route from a custom runtime",
            )
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _text(body: bytes, content_type: str) -> str | None:
    """Return the body as text, or None where it must travel in base64."""
    kind = content_type.partition(";")[0].strip().lower()
    if not kind.startswith(_TEXT) and not kind.endswith(("+json", "+xml")):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _wire(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _server(host: str, scheme: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":")
    if name and port.isascii() and port.isdigit():
        return name, int(port)
    return host or "localhost", 443 if scheme == "https" else 80
