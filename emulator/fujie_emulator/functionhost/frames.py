"""What host and built-in runtime say to each other: a JSON head and raw bytes, each with its length before it.

The child must not import more than this and the standard library, so that its start is the function's own.
"""

import json
import struct
from typing import Any, Protocol

HEAD = struct.Struct(">II")
FRAME_LIMIT = 64 * 1024 * 1024  # bytes; a 32 MB body in base64 within its event fits


class FrameError(Exception):
    """The other side sent something that is not a frame."""


class Reads(Protocol):
    """A blocking binary reader."""

    def read(self, size: int, /) -> bytes | None: ...


def frame(head: dict[str, Any], payload: bytes = b"") -> bytes:
    """Return one frame."""
    text = json.dumps(head).encode()
    return HEAD.pack(len(text), len(payload)) + text + payload


def sizes(prefix: bytes) -> tuple[int, int]:
    """Return the lengths of head and payload that the first eight bytes announce."""
    head, payload = HEAD.unpack(prefix)
    if head + payload > FRAME_LIMIT:
        raise FrameError(f"a frame of {head + payload} bytes is over the limit of {FRAME_LIMIT}")
    return head, payload


def head_from(text: bytes) -> dict[str, Any]:
    """Return the JSON head."""
    head = json.loads(text)
    if not isinstance(head, dict):
        raise FrameError("the head of a frame must be a JSON object")
    return head


def read_frame(stream: Reads) -> tuple[dict[str, Any], bytes] | None:
    """Read one frame, blocking; None at the end of the stream."""
    prefix = stream.read(HEAD.size)
    if not prefix or len(prefix) < HEAD.size:
        return None
    head_size, payload_size = sizes(prefix)
    return head_from(stream.read(head_size) or b""), stream.read(payload_size) or b""
