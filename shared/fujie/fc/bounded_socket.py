"""Web sockets with bounds that uvicorn does not set: for clients that ping and never read, or never end a message."""

from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from websockets.frames import Frame

MAX_FRAMES = 4096
"""Of one message: those without words count nothing towards its size."""
TOO_BIG = 1009


class BoundedSocket(WebSocketsSansIOProtocol):
    """Keeps no answer to a ping for whom reads none (RFC 6455 5.5.3 asks for the last one's only)."""

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: "Frame") -> None:
        if len(self.frames) < MAX_FRAMES:
            super().handle_cont(event)
        elif not self.close_sent:
            self.frames = []
            self.conn.fail(TOO_BIG)
            self.handle_parser_exception()
