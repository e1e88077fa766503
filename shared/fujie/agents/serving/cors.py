"""Browser origins that may call, and read the answers; never with credentials that the browser keeps."""

from collections.abc import Collection

from fujie.agents.serving.asgi import Answer, App, Headers, Message, Receive, Scope, Send, answer

_MAX_AGE = b"600"


class Cors:
    """Answers preflights, and names the origin on answers to the origins that it knows."""

    def __init__(self, app: App, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = Headers(scope["headers"] if scope["type"] == "http" else ())
        origin = headers.get("origin", "")
        if not origin or not self._origins & {origin, "*"}:
            await self._app(scope, receive, send)
            return
        allowed = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await answer(send, _preflight(headers, allowed))
            return

        async def naming(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *allowed]}
            await send(message)

        await self._app(scope, receive, naming)


def _preflight(headers: Headers, allowed: list[tuple[bytes, bytes]]) -> Answer:
    asked = headers.get("access-control-request-headers", "")
    more = [
        (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
        (b"access-control-allow-headers", asked.encode("latin-1")),
        (b"access-control-max-age", _MAX_AGE),
    ]
    return Answer(204, b"", headers=[*allowed, *more])
