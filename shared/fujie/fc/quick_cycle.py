"""An answer over HTTP/1.1 as uvicorn writes it, with a short way for what most answers of an agent are: a stream."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

_PLAIN = frozenset({b"cache-control", b"content-type", b"date", b"x-accel-buffering"})
"""Headers that say neither how the answer is framed nor anything of whom it is for."""
_KEEP_ALIVE = (b"connection", b"keep-alive")
_LAST_CHUNK = b"0\r\n\r\n"


class QuickCycle(RequestResponseCycle):
    """Makes the head of a stream once for all streams that have the same; whatever is unusual is left to uvicorn."""

    is_quick = False

    async def send(self, message: Any) -> None:
        """Send one message of the application's."""
        if self.flow.write_paused or self.disconnected or self.response_complete or not self._say(message):
            await super().send(message)

    def _say(self, message: Any) -> bool:
        """Write a message that is as most are, and say whether it was."""
        if self.is_quick and message["type"] == "http.response.body":
            self._say_piece(message.get("body", b""), is_last=not message.get("more_body", False))
            return True
        if self.response_started or message.get("status") != 200 or not self._may_be_quick():
            return False
        head = _head_of(self.default_headers, message.get("headers", ()))
        if head is None:
            return False
        self.is_quick = self.response_started = self.chunked_encoding = True
        self.transport.write(head)
        return True

    def _say_piece(self, piece: bytes, *, is_last: bool) -> None:
        chunk = b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
        self.transport.write(chunk + _LAST_CHUNK if is_last else chunk)
        if is_last:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _may_be_quick(self) -> bool:
        is_expecting = self.waiting_for_100_continue
        return self.keep_alive and not is_expecting and not self.access_log and self.scope["method"] != "HEAD"


def _head_of(default: Sequence[Any], own: Sequence[Any]) -> bytes | None:
    try:
        return _head((*default, *own))
    except TypeError:  # names and values in lists are allowed, too
        return None


@lru_cache(maxsize=64)
def _head(headers: tuple[tuple[bytes, bytes], ...]) -> bytes | None:
    """Return the head of a stream with these headers; None where they ask for more than to be written."""
    if any(
        header != _KEEP_ALIVE and (header[0] not in _PLAIN or HEADER_VALUE_RE.search(header[1])) for header in headers
    ):
        return None
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([STATUS_LINE[200], *lines, b"transfer-encoding: chunked\r\n\r\n"])
