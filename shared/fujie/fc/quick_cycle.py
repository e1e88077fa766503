"""An answer over HTTP/1.1 as uvicorn writes it, with a short way for what most answers of an agent are: a stream."""

from asyncio import Event
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

_PLAIN = frozenset({b"cache-control", b"content-type", b"date", b"x-accel-buffering"})
"""Headers that say neither how the answer is framed nor anything of whom it is for."""
_KEEP_ALIVE = (b"connection", b"keep-alive")
_END = b"0\r\n\r\n"
"""The chunk that ends a stream (RFC 9112 7.1)."""


class QuickCycle(RequestResponseCycle):
    """Makes the head of a stream once for all streams that have the same; whatever is unusual is left to uvicorn."""

    def __init__(self, connection: HttpToolsProtocol) -> None:
        self.scope = scope = connection.scope
        self.transport = connection.transport
        self.flow = connection.flow
        self.logger = connection.logger
        self.access_logger = connection.access_logger
        self.access_log = connection.access_log
        self.default_headers = connection.server_state.default_headers
        self.waiting_for_100_continue = connection.expect_100_continue
        self.keep_alive = scope["http_version"] != "1.0" and connection.parser.should_keep_alive()
        self.on_response = connection.on_response_complete
        self.body = b""  # type: ignore[assignment]  # a bytearray where it comes in pieces
        self.more_body = True
        self.disconnected = self.response_started = self.response_complete = self.is_quick = False
        self.chunked_encoding = None
        self.expected_content_length = 0
        self._head = b""
        self._has_news = False
        self._event: Event | None = None

    @property
    def message_event(self) -> Event:  # type: ignore[override]
        """Made where somebody waits for it: most requests are there as a whole."""
        if self._event is None:
            self._event = Event()
            if self._has_news:
                self._event.set()
        return self._event

    def take(self, piece: bytes) -> int:
        """Take in a piece of the body, and return how many bytes wait to be read."""
        if not self.body:
            self.body = piece  # type: ignore[assignment]
        elif type(self.body) is bytearray:
            self.body += piece
        else:
            self.body = bytearray(self.body + piece)
        self._tell()
        return len(self.body)

    def take_end(self) -> None:
        """Take in that the body is there as a whole."""
        if not self.response_complete:
            self.more_body = False
            self._tell()

    def _tell(self) -> None:
        self._has_news = True
        if self._event is not None:
            self._event.set()

    async def receive(self) -> Any:
        """Return the next message of the request's."""
        if self._event is not None or not self._has_news:
            return await super().receive()
        if self.waiting_for_100_continue or self.disconnected or self.response_complete:
            return await super().receive()
        self._has_news = False
        self.flow.resume_reading()
        piece, self.body = bytes(self.body), b""  # type: ignore[assignment]
        return {"type": "http.request", "body": piece, "more_body": self.more_body}

    async def send(self, message: Any) -> None:
        """Send one message of the application's; a stream's head goes out with its first piece, as ASGI asks."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.is_quick and message["type"] == "http.response.body":
            if not self.disconnected:
                self._say(message.get("body", b""), is_last=not message.get("more_body", False))
        elif self._head:
            raise RuntimeError(f"Expected ASGI message 'http.response.body', but got '{message['type']}'.")
        elif not self.response_started and (head := self._head_for(message)) is not None:
            self._head, self.is_quick = head, True
        else:
            await super().send(message)

    async def send_500_response(self) -> None:
        """Say that the application failed, whose head, if it gave one, has not gone out."""
        self._head, self.is_quick = b"", False
        await super().send_500_response()

    def _head_for(self, message: Any) -> bytes | None:
        if message.get("status") != 200 or self.scope["method"] == "HEAD" or self.disconnected:
            return None
        if self.access_log or self.waiting_for_100_continue or not self.keep_alive:
            return None
        headers = message.get("headers")
        if type(headers) is not list and type(headers) is not tuple:  # others may be read once alone
            return None
        try:
            return _head((*self.default_headers, *headers))
        except TypeError:  # names and values in lists are allowed, too
            return None

    def _say(self, piece: bytes, *, is_last: bool) -> None:
        head, self._head, self.response_started = self._head, b"", True
        if not is_last:
            self.transport.write(b"%b%x\r\n%b\r\n" % (head, len(piece), piece) if piece else head)
            return
        self.transport.write(b"%b%x\r\n%b\r\n%b" % (head, len(piece), piece, _END) if piece else head + _END)
        self.response_complete, self.is_quick = True, False
        self._tell()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


@lru_cache(maxsize=64)
def _head(headers: tuple[tuple[bytes, bytes], ...]) -> bytes | None:
    """Return the head of a stream with these headers; None where they ask for more than to be written."""
    if any(
        header != _KEEP_ALIVE and (header[0] not in _PLAIN or HEADER_VALUE_RE.search(header[1])) for header in headers
    ):
        return None
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([STATUS_LINE[200], *lines, b"transfer-encoding: chunked\r\n\r\n"])
