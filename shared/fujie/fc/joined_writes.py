"""What is written to a connection in one turn of the event loop goes out in one piece: head and answer together."""

from asyncio import AbstractEventLoop, Transport
from typing import Any

MAX_HELD_BYTES = 64 * 1024
"""More does not wait for the turn to end."""


class JoinedWrites:
    """A transport that writes once a turn: a write to a socket costs as much as a short answer."""

    __slots__ = ("_held", "_loop", "_size", "_transport")

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Keep what is to be written until the turn ends."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > MAX_HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is kept."""
        if self._held:
            data = b"".join(self._held)
            self._held, self._size = [], 0
            self._transport.write(data)

    def close(self) -> None:
        """Write what is kept, and close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
