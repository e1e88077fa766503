"""What the product asks of object storage, and the rules that every adapter keeps."""

from collections.abc import Sequence
from typing import Protocol

from fujie.objects.errors import ObjectKeyInvalidError, ObjectNotFoundError, ObjectTooLargeError

MAX_OBJECT_BYTES = 8 << 20
"""An object is held in memory whole; this many fit beside a function's other work."""
MAX_KEYS = 1000
"""Keys of one listing."""
_MAX_KEY_BYTES = 1023  # OSS, "Naming conventions for objects"


class ObjectStore(Protocol):
    """One bucket, as one credential reaches it. Every method raises ObjectError."""

    async def get(self, key: str, *, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
        """Return an object's bytes; raises ObjectNotFoundError, or ObjectTooLargeError above `max_bytes`."""
        ...

    async def put(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Store an object in place of any earlier one."""
        ...

    async def list(self, prefix: str = "", *, limit: int = MAX_KEYS) -> Sequence[str]:
        """Return at most `limit` keys that begin with `prefix`, in the order of their bytes."""
        ...


def checked_key(key: str) -> str:
    """Return the key; raises ObjectKeyInvalidError when no object can have it or a URL would change it."""
    dotted = any(part in {".", ".."} for part in key.split("/"))
    if not key or key[0] in "/\\" or len(key.encode()) > _MAX_KEY_BYTES or dotted or not key.isprintable():
        raise ObjectKeyInvalidError(f"an object's key has 1 to {_MAX_KEY_BYTES} printable bytes and no dot segments")
    return key


def checked_size(key: str, size: int, max_bytes: int) -> None:
    """Raise ObjectTooLargeError when an object is longer than its reader or the store takes."""
    if size > max_bytes:
        raise ObjectTooLargeError(f"{key} has {size} bytes; at most {max_bytes} are taken")


def not_found(key: str) -> ObjectNotFoundError:
    """Say which object is not there."""
    return ObjectNotFoundError(f"there is no object {key}", repair="check the name")
