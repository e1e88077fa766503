"""The life of a server as ASGI tells it: started, and stopped once."""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from fujie.agents.serving.asgi import Receive, Send
from fujie.telemetry import kinds_and_places

_log = logging.getLogger(__name__)


async def live(lifespan: Callable[[], AbstractAsyncContextManager[None]] | None, receive: Receive, send: Send) -> None:
    """Enter the lifespan when the server starts, and leave it when it stops; a failure is logged and told."""
    phase = "startup"
    try:
        await receive()
        async with lifespan() if lifespan else nullcontext():
            await send({"type": "lifespan.startup.complete"})
            phase = "shutdown"
            await receive()
    except Exception as error:  # noqa: BLE001 - a hook of the agent's developer may raise anything
        _log.error("the agent's %s failed: %s", phase, kinds_and_places(error))
        await send({"type": f"lifespan.{phase}.failed", "message": f"{type(error).__name__}: the log has the place"})
        return
    await send({"type": "lifespan.shutdown.complete"})
