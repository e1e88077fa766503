"""uvicorn's server, less what a function does not need: no look-up of an address, no library for mail, no list of all.

Imported after `fujie.fc.bare_uvicorn`.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from socket import AF_INET, SO_REUSEADDR, SOL_SOCKET, inet_pton, socket

import uvicorn

from fujie.fc.http_date import http_date

Drain = Callable[[], Awaitable[None]]
ENDING_S = 1.5
"""What is left of the time to shut down for streams to say that they were canceled."""
TICKS_A_SECOND = 10
"""Of uvicorn's server."""
NOT_STARTED = 3
"""The exit status that uvicorn has for this."""
_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Serves until SIGTERM; `drain` is called when the time for open answers is nearly over."""

    def __init__(self, config: uvicorn.Config, drain: Drain | None, shutdown_s: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._shutdown_s = shutdown_s

    async def startup(self, sockets: list[socket] | None = None) -> None:
        # Whoever asks an agent closes it, and the loop closes what was dropped: its list of all, which lets it close
        # what is still held when the process ends, is a cost of each run.
        sys.set_asyncgen_hooks(firstiter=None)
        await super().startup(sockets)
        if sockets is None:
            return
        if any(listening.fileno() < 0 for listening in sockets):  # closed by the loop, which says nothing of why
            _log.error("the port %d is taken by another program", self.config.port)
            self.started = False
            await self.lifespan.shutdown()
            sys.exit(NOT_STARTED)
        self._log_started_message(sockets)

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_A_SECOND == 0:
            self.server_state.default_headers = [(b"date", http_date(time.time()))]
        return self.should_exit

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        draining = asyncio.create_task(self._end_in_order(self._drain)) if self._drain else None
        await super().shutdown(sockets)
        if draining is not None:
            draining.cancel()
            await asyncio.wait([draining])

    async def _end_in_order(self, drain: Drain) -> None:
        await asyncio.sleep(max(0.0, self._shutdown_s - ENDING_S))
        await drain()


def listening_at(host: str, port: int) -> list[socket] | None:
    """Return the socket of an IPv4 address; None for a name, which has to be looked up, and where it cannot be had.

    The server is to say so then, once its application is there to be shut down again.
    """
    listening = socket(AF_INET)
    try:
        inet_pton(AF_INET, host)
        listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError:
        listening.close()
        return None
    return [listening]
