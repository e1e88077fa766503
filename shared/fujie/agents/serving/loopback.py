"""An agent that is open on this machine is open to nobody else: not over the network, a proxy, or to other pages."""

import json
from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlsplit

from fujie.agents.serving.asgi import Answer, App, Headers, Receive, Scope, Send, answer

_RELAYED = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip"})
"""Headers of proxies and tunnels: they call from this machine, for somebody who may be anywhere."""
_REFUSAL = {"error": {"code": "forbidden", "message": "this agent is open to callers on its own machine alone"}}


class OnlyLoopback:
    """Refuses requests that did not come over the loopback, and those that a page of another site sent."""

    def __init__(self, app: App, origins: Collection[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan" or self._is_local(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await answer(send, Answer(403, json.dumps(_REFUSAL).encode()))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _is_local(self, scope: Scope) -> bool:
        """Look at both ends of the connection, at the name it was made under, and at the page it was made from."""
        found = Headers(scope["headers"]).joined
        return _RELAYED.isdisjoint(found) and self._is_from_here(
            scope, found.get(b"host", b""), found.get(b"origin", b"")
        )

    def _is_from_here(self, scope: Scope, host: bytes, origin: bytes) -> bool:
        client, server = scope.get("client") or _UNIX, scope.get("server") or _UNIX
        return _is_from_here(client[0], client[1] is None, server[0], server[1] is None, host) and (
            not origin or self._is_ours(origin.decode("latin-1"))
        )

    def _is_ours(self, origin: str) -> bool:
        return origin in self._origins or is_loopback_origin(origin)


_USUAL = frozenset({"localhost", "127.0.0.1", "::1"})
_UNIX = ("", None)
"""An end without a port is a file of this machine."""


@lru_cache(maxsize=256)
def _is_from_here(client: str, client_is_file: bool, server: str, server_is_file: bool, host: bytes) -> bool:  # noqa: FBT001
    ends = (client_is_file or is_loopback(client)) and (server_is_file or is_loopback(server))
    return ends and is_loopback(_name(host.decode("latin-1")))


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Is this a name or an address of this machine alone?"""
    if host in _USUAL or host.endswith(".localhost"):
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=256)
def _name(host: str) -> str:
    """Return a Host header without its port; nothing for one that is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback_origin(origin: str) -> bool:
    """Was the page served from this machine?"""
    try:
        return is_loopback(urlsplit(origin).hostname or "")
    except ValueError:
        return False
