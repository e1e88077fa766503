"""An agent that is open on this machine is open to nobody else: not over the network, a proxy, or to other pages."""

import json
import re
from collections.abc import Awaitable, Collection
from functools import lru_cache
from urllib.parse import urlsplit

from fujie.agents.serving.asgi import Answer, App, Headers, Receive, Scope, Send, answer

_RELAYED = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}
)
"""Headers of proxies and tunnels: they call from this machine, for somebody who may be anywhere."""
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
"""RFC 9110 7.2, less the names that no machine calls itself by: readers of URLs find a host in much else."""
_REFUSAL = {"error": {"code": "forbidden", "message": "this agent is open to callers on its own machine alone"}}


class OnlyLoopback:
    """Refuses requests that did not come over the loopback, and those that a page of another site sent."""

    def __init__(self, app: App, origins: Collection[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        if scope["type"] == "lifespan" or self._is_local(scope):
            return self._app(scope, receive, send)
        if scope["type"] == "http":
            return answer(send, Answer(403, json.dumps(_REFUSAL).encode()))
        return send({"type": "websocket.close", "code": 1008})

    def _is_local(self, scope: Scope) -> bool:
        """Look at both ends of the connection, at the name it was made under, and at the page it was made from."""
        headers = scope["headers"]
        found = dict(headers)
        if len(found) < len(headers):  # one came several times
            found = Headers(headers).joined
        if not _RELAYED.isdisjoint(found):
            return False
        if (origin := found.get(b"origin")) and not self._is_ours(origin.decode("latin-1")):
            return False
        client, server, host = scope.get("client"), scope.get("server"), found.get(b"host", b"")
        try:
            return _is_from_here(client, server, host)
        except TypeError:  # ends may be lists, too
            return _is_from_here(client and tuple(client), server and tuple(server), host)

    def _is_ours(self, origin: str) -> bool:
        return origin in self._origins or is_loopback_origin(origin)


_USUAL = frozenset({"localhost", "127.0.0.1", "::1"})
_End = tuple[str, int | None] | None
"""Of a connection; one without a port is a file of this machine."""


@lru_cache(maxsize=1024)  # of connections, which ask more than once
def _is_from_here(client: _End, server: _End, host: bytes) -> bool:
    return _is_here(client) and _is_here(server) and is_loopback(_name(host))


def _is_here(end: _End) -> bool:
    return not end or end[1] is None or is_loopback(end[0])


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


def _name(host: bytes) -> str:
    """Return a Host header without its port; nothing for one that is none, or several."""
    found = _HOST.fullmatch(host.decode("latin-1"))
    return found[1].strip("[]").lower() if found else ""


def is_loopback_origin(origin: str) -> bool:
    """Was the page served from this machine?"""
    try:
        return is_loopback(urlsplit(origin).hostname or "")
    except ValueError:
        return False
