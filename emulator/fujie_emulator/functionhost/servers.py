"""HTTP servers of the function host: loopback only, inside the emulator's event loop."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from fujie_emulator.core.errors import CloudError
from fujie_emulator.functionhost.sockets import MESSAGE_LIMIT

_SHUTDOWN_S = 1  # open streams are cut: their instances stop at the same moment
_KEEP_ALIVE_S = 75
_BACKLOG = 1024


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the emulator."""
        yield


class LoopbackServer:
    """One listening port."""

    def __init__(self, app: ASGIApp, sockets: list[socket.socket], tls: ssl.SSLContext | None = None) -> None:
        self.port = int(sockets[0].getsockname()[1])
        config = uvicorn.Config(
            app,
            http="httptools",
            interface="asgi3",
            ws="websockets-sansio",
            ws_max_size=MESSAGE_LIMIT,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
        config.load()
        config.ssl = tls
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=sockets))

    @classmethod
    def listen(
        cls, app: ASGIApp, port: int, *, also_ipv6: bool = False, tls: ssl.SSLContext | None = None
    ) -> "LoopbackServer":
        """Listen on 127.0.0.1 (and ::1, where there is one); CloudError PortInUse (409) when somebody else does."""
        sockets = [_bound(socket.AF_INET, "127.0.0.1", port)]
        if also_ipv6:
            with contextlib.suppress(CloudError):
                sockets.append(_bound(socket.AF_INET6, "::1", sockets[0].getsockname()[1]))
        return cls(app, sockets, tls)

    async def close(self) -> None:
        """Stop listening and cut what is open."""
        self._server.should_exit = True
        await asyncio.wait([self._task])


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # Named in full: asyncio sets TCP_NODELAY only then, and without it each answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CloudError("PortInUse", 409, f"The port {port} on {host} cannot be used: {error.strerror}.") from error
    listener.setblocking(False)
    return listener
