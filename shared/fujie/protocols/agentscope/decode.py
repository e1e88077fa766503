"""AgentScope's server-sent events back to parsed objects, for whoever relays or shows a stream."""

import codecs
import json
from typing import Any

from fujie.errors import InputError, TooLargeError

MAX_FRAME_CHARS = 16 * 1024 * 1024
"""The closing events repeat the whole answer; a frame beyond this is not an answer."""

TERMINAL = frozenset({"completed", "failed", "canceled", "rejected"})
"""Statuses of a `response` event after which nothing follows; `incomplete` is a pause."""


class Decoder:
    """Takes pieces of a stream, cut anywhere, and returns the events that are complete.

    Comments and fields other than `data` are skipped. Raises InputError when a frame is not a JSON object, and
    TooLargeError when one passes the limit.
    """

    def __init__(self, max_frame_chars: int = MAX_FRAME_CHARS) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._max = max_frame_chars
        self._rest = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, piece: bytes | str) -> list[dict[str, Any]]:
        """Return the events that this piece completed, in order."""
        text = self._utf8.decode(piece) if isinstance(piece, bytes) else piece
        *lines, self._rest = (self._rest + text).split("\n")
        self._limit(len(self._rest))
        return [event for line in lines if (event := self._line(line.removesuffix("\r"))) is not None]

    def _line(self, line: str) -> dict[str, Any] | None:
        if line.startswith("data:"):
            self._data.append(line[5:].removeprefix(" "))
            self._size += len(line)
            self._limit(0)
        elif not line and self._data:
            text, self._data, self._size = "\n".join(self._data), [], 0
            return _parsed(text)
        return None

    def _limit(self, more: int) -> None:
        if self._size + more > self._max:
            raise TooLargeError(f"an event of the stream is longer than {self._max} characters")


def is_terminal(event: dict[str, Any]) -> bool:
    """Is this the event after which the run sends nothing more?"""
    return event.get("object") == "response" and event.get("status") in TERMINAL


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("an event of the stream is not JSON") from error
    if not isinstance(value, dict):
        raise InputError("an event of the stream is not a JSON object")
    return value
