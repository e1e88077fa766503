"""What every answer carries: the security headers, and the limit on what a request may bring."""

import asyncio
import contextlib
import json

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT = 1024 * 1024
"""Bytes. A message has its own, smaller limit; nothing that this function takes is larger."""
DRAIN_LIMIT = 32 * BODY_LIMIT
DRAIN_S = 10.0
READ_S = 30.0
"""Visitors need no session to send a body: who sends it drop by drop must not keep a place of the instance."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)

SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Adds the headers to every answer; what is not static is also kept out of every cache."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), scope["path"])
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _add(self, headers: MutableHeaders, path: str) -> None:
        for name, value in SECURITY_HEADERS.items():
            headers[name] = value
        headers.setdefault("cache-control", "no-cache" if path == "/" or path.startswith("/static/") else "no-store")
        if self._https:
            headers["strict-transport-security"] = "max-age=31536000"


class _BodyRefusedError(Exception):
    """The body went past a limit while it was read; frameworks may turn this into an answer of their own."""


class BodyLimit:
    """Answers 413 to a body over the limit, announced or not, before the rest of it is read, and 408 to a slow one."""

    def __init__(self, app: ASGIApp, limit: int = BODY_LIMIT, read_s: float = READ_S) -> None:
        self._app = app
        self._limit = limit
        self._read_s = read_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _announced(scope) > self._limit:
            await _drained(receive)
            await self._refuse(send, 413)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen, refused = 0, 0
        deadline: float | None = asyncio.get_running_loop().time() + self._read_s

        async def receive_counted() -> Message:
            nonlocal seen, refused, deadline
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                refused = 408
                raise _BodyRefusedError from None
            seen += len(message.get("body", b""))
            if seen > self._limit:
                refused = 413
                raise _BodyRefusedError
            if not message.get("more_body", False):
                deadline = None  # what comes now is only that the client goes away
            return message

        async def send_unless_refused(message: Message) -> None:
            if not refused:
                await send(message)

        with contextlib.suppress(_BodyRefusedError):
            await self._app(scope, receive_counted, send_unless_refused)
        if refused == 413:
            await _drained(receive)
        if refused:
            await self._refuse(send, refused)

    async def _refuse(self, send: Send, status: int) -> None:
        error = {"code": "too_large", "message": f"the body is over {self._limit} bytes"}
        if status == 408:
            error = {"code": "too_slow", "message": f"the body did not come within {self._read_s:g} s"}
        body = json.dumps({"error": error}).encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _drained(receive: Receive) -> None:
    """Read on for a while: a client that is still sending could not read why it was refused."""
    left, more = DRAIN_LIMIT, True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while more and left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                more = message.get("more_body", False)


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0
