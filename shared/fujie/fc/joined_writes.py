"""What is written to a connection in one turn of the event loop goes out in one piece: head and answer together.

It goes out when the turn ends, also where it is whole: what is asked at once is answered at once, and who waits for the
answers is woken once for all of them. Written one by one, answers cost a third more.

An answer that goes on turn after turn, as one does whose agent only lets others have their turn, is written every few
turns. Nothing waits for a clock: turns in which nobody has anything to do take microseconds.
"""

from asyncio import AbstractEventLoop, Transport
from contextvars import Context
from typing import Any
from weakref import WeakKeyDictionary

MAX_HELD_BYTES = 64 * 1024
"""More does not wait for the turn to end."""
STREAM_WRITES = 2
"""Of an answer, after which it counts as one that goes on; a short one has no more."""
STREAM_TURNS = 3
"""For how many more turns what such an answer says is kept."""
STREAM_PAUSE_S = 0.002
"""An answer that was silent for longer than this is written at the end of the turn in which it says something."""


class _Turn:
    """A loop's turn, and who has something to write at its end."""

    __slots__ = ("_writers",)

    def __init__(self) -> None:
        self._writers: list[JoinedWrites] = []

    def add(self, writer: "JoinedWrites", loop: AbstractEventLoop) -> None:
        if not self._writers:
            loop.call_soon(self._end, loop, context=Context())  # no request's own
        self._writers.append(writer)

    def _end(self, loop: AbstractEventLoop) -> None:
        writers, self._writers = self._writers, []
        for writer in writers:
            try:
                writer.end_turn()
            except Exception as error:  # noqa: BLE001 - the fault of one connection is not the others'
                loop.call_exception_handler({"message": "a connection cannot be written to", "exception": error})


_turns: "WeakKeyDictionary[AbstractEventLoop, _Turn]" = WeakKeyDictionary()


class JoinedWrites:
    """A transport that writes once a turn: a write to a socket costs as much as a short answer."""

    __slots__ = ("_held", "_is_armed", "_loop", "_size", "_transport", "_turn", "_turns", "_writes", "_written_at")

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._turn = _turns.setdefault(loop, _Turn())
        self._held: list[bytes] = []
        self._size = self._turns = self._writes = 0
        self._is_armed = False
        self._written_at = 0.0

    def begin(self) -> None:
        """Say that what follows is another answer."""
        self._writes = 0

    def write(self, data: bytes) -> None:
        """Keep what is to be written until the turn ends."""
        if not self._is_armed:
            self._is_armed = True
            goes_on = self._writes >= STREAM_WRITES and self._loop.time() - self._written_at < STREAM_PAUSE_S
            self._turns = STREAM_TURNS if goes_on else 0
            self._turn.add(self, self._loop)
        self._held.append(data)
        self._size += len(data)
        if self._size > MAX_HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is kept."""
        if self._held:
            data = b"".join(self._held)
            self._held, self._size = [], 0
            if self._transport.is_closing():  # the client has gone
                return
            self._writes += 1
            if self._writes >= STREAM_WRITES:
                self._written_at = self._loop.time()
            self._transport.write(data)

    def close(self) -> None:
        """Write what is kept, and close."""
        self.flush()
        self._transport.close()

    def end_turn(self) -> None:
        """Write what is kept, unless the answer goes on and may be kept for one more turn."""
        if self._turns and self._held:
            self._turns -= 1
            self._turn.add(self, self._loop)
        else:
            self._is_armed = False
            self.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
