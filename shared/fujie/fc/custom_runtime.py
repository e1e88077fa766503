"""The entry of a custom-runtime function: `serve(app)` is its whole main program."""

from starlette.types import ASGIApp

from fujie.fc.context import PlatformRequests
from fujie.settings import listen_from_environ

KEEP_ALIVE_S = 900
"""FC pools connections; a server that closes idle ones earlier makes requests fail with 502 (fc.md 1.3)."""
SHUTDOWN_S = 5
"""How long open streams may go on after SIGTERM."""


def serve(app: ASGIApp) -> None:
    """Serve the app where the platform expects it, until SIGTERM.

    No access log (URLs hold codes and states), no trust in X-Forwarded-* headers.
    """
    import uvicorn

    listen = listen_from_environ()
    uvicorn.run(
        PlatformRequests(app),
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
