"""What Function Compute tells a custom runtime with each request: whose key to use, which request this is.

`x-fc-*` headers are believed only inside FC, whose triggers refuse them from clients; elsewhere they are taken away.
"""

from collections.abc import Mapping
from contextvars import ContextVar

from fujie.asgi import App, Message, Receive, Scope, Send
from fujie.fc.errors import ForeignRequestError
from fujie.settings import CallerKey, caller_key_from_environ, is_inside_function_compute
from fujie.telemetry import bind

_KEY_HEADERS = {
    b"x-fc-access-key-id": "ALIBABA_CLOUD_ACCESS_KEY_ID",
    b"x-fc-access-key-secret": "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    b"x-fc-security-token": "ALIBABA_CLOUD_SECURITY_TOKEN",
}
_caller_key: ContextVar[CallerKey | None] = ContextVar("fujie_fc_caller_key", default=None)


def current_caller_key() -> CallerKey:
    """Return the role's key for this request: from its headers, else from the environment.

    An instance may outlive the key it was started with, never the one that came with a request.
    Raises SettingsError when there is neither.
    """
    return _caller_key.get() or caller_key_from_environ()


def require_control_path(scope: Scope, path: str, *, environ: Mapping[str, str] | None = None) -> None:
    """Return when the platform itself asks for `path` ("/invoke"); else raise ForeignRequestError (404)."""
    said = [value for name, value in scope["headers"] if name == b"x-fc-control-path"]
    if not is_inside_function_compute(environ) or said != [path.encode()]:
        raise ForeignRequestError("there is nothing here")


class PlatformRequests:
    """ASGI middleware of every custom runtime.

    Takes the role's key out of the headers, so that the app cannot log it; names the request on log lines; and says
    in `x-fc-status` whether an event succeeded, because for events FC drops the HTTP status.
    """

    def __init__(self, app: App, *, environ: Mapping[str, str] | None = None) -> None:
        self._app = app
        self._is_inside = is_inside_function_compute(environ)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of the platform."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        platform = {name: value for name, value in scope["headers"] if name.startswith(b"x-fc-")}
        hidden = _KEY_HEADERS.keys() if self._is_inside else platform.keys()
        inner = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name not in hidden]}
        if not self._is_inside:
            await self._app(inner, receive, send)
            return
        reset = _caller_key.set(_key_from_headers(platform))
        try:
            with bind(request_id=platform.get(b"x-fc-request-id", b"").decode("latin-1")):
                is_event = platform.get(b"x-fc-control-path") == b"/invoke"
                await self._app(inner, receive, _saying_status(send) if is_event else send)
        finally:
            _caller_key.reset(reset)


def _key_from_headers(headers: Mapping[bytes, bytes]) -> CallerKey | None:
    if b"x-fc-access-key-id" not in headers:
        return None
    return caller_key_from_environ(
        {variable: headers.get(name, b"").decode("latin-1") for name, variable in _KEY_HEADERS.items()}
    )


def _saying_status(send: Send) -> Send:
    async def said(message: Message) -> None:
        if message["type"] == "http.response.start":
            status = b"200" if message["status"] < 400 else b"404"
            message = {**message, "headers": [*message.get("headers", []), (b"x-fc-status", status)]}
        await send(message)

    return said
