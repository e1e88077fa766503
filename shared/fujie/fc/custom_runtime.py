"""The entry of a custom-runtime function: `serve(app)` is its whole main program."""

import math
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fujie.asgi import App, Receive, Scope, Send
from fujie.fc.bare_uvicorn import leave_command_line_out
from fujie.settings import listen_from_environ

if TYPE_CHECKING:
    from fujie.fc.server import Drain

KEEP_ALIVE_S = 900
"""FC pools connections; a server that closes idle ones earlier makes requests fail with 502 (fc.md 1.3)."""
SHUTDOWN_S = 5
"""How long open streams may go on after SIGTERM."""
MAX_MESSAGE_BYTES = 1024 * 1024
"""Of a web socket's messages."""


class ThenLoads:
    """The app, and what it loads once its first answer is out: the start does not wait for that, nor does the second.

    A module that cannot be imported is left to its first use, which says so.
    """

    def __init__(self, app: App, modules: Sequence[str]) -> None:
        self._app = app
        self._modules = modules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        await self._app(scope, receive, send)
        if self._modules and scope["type"] == "http":
            modules, self._modules = self._modules, ()
            threading.Thread(target=_load, args=(modules,), name="then-loads", daemon=True).start()


def _load(modules: Sequence[str]) -> None:
    for name in modules:
        with suppress(ImportError):
            import_module(name)


def serve(app: App, *, then_load: Sequence[str] = (), drain: "Drain | None" = None) -> None:
    """Serve the app where the platform expects it, until SIGTERM; import `then_load` after its first answer.

    `drain` is called when SIGTERM's time is nearly over, so that answers which are still open end in order.
    """
    from fujie.fc.context import PlatformRequests

    listen = listen_from_environ()
    run_server(ThenLoads(PlatformRequests(app), then_load), listen.host, listen.port, drain=drain)


def run_server(
    app: App,
    host: str,
    port: int,
    *,
    drain: "Drain | None" = None,
    shutdown_s: float = SHUTDOWN_S,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
) -> None:
    """Serve an app until SIGTERM; the start ends here, as `fujie.fc.loading` has it.

    No access log (URLs hold codes and states), no trust in X-Forwarded-* headers. Web sockets are loaded with the
    first of them.
    """
    from fujie.fc import loading

    loading.begin()
    leave_command_line_out()
    import uvicorn

    from fujie.fc.bounded_head import BoundedHead
    from fujie.fc.server import NOT_STARTED, Server, listening_at

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        interface="asgi3",
        http=BoundedHead,
        ws_max_size=max_message_bytes,
        ws=_late_web_socket,  # type: ignore[arg-type]  # uvicorn only calls it
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(shutdown_s),
    )
    server = Server(config, drain, shutdown_s)
    config.load()
    loading.done()
    with suppress(KeyboardInterrupt):
        server.run(listening_at(host, port))
    if not server.started:
        raise SystemExit(NOT_STARTED)


def _late_web_socket(**protocol: Any) -> Any:
    from fujie.fc.bounded_socket import BoundedSocket

    return BoundedSocket(**protocol)
