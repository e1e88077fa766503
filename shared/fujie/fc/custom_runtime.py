"""The entry of a custom-runtime function: `serve(app)` is its whole main program."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from starlette.types import ASGIApp, Receive, Scope, Send

from fujie.fc.context import PlatformRequests
from fujie.settings import listen_from_environ

KEEP_ALIVE_S = 900
"""FC pools connections; a server that closes idle ones earlier makes requests fail with 502 (fc.md 1.3)."""
SHUTDOWN_S = 5
"""How long open streams may go on after SIGTERM."""


class ThenLoads:
    """The app, and what it loads once its first answer is out: the start does not wait for that, nor does the second.

    A module that cannot be imported is left to its first use, which says so.
    """

    def __init__(self, app: ASGIApp, modules: Sequence[str]) -> None:
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


def serve(app: ASGIApp, *, then_load: Sequence[str] = ()) -> None:
    """Serve the app where the platform expects it, until SIGTERM; import `then_load` after its first answer.

    No access log (URLs hold codes and states), no trust in X-Forwarded-* headers.
    """
    import uvicorn

    listen = listen_from_environ()
    uvicorn.run(
        ThenLoads(PlatformRequests(app), then_load),
        host=listen.host,
        port=listen.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
