"""The in-memory double: a bucket in a dictionary."""

from collections.abc import Mapping, Sequence

from fujie.objects.port import MAX_KEYS, MAX_OBJECT_BYTES, checked_key, checked_size, not_found


class MemoryObjectStore:
    """Objects that live as long as this object does."""

    def __init__(self, objects: Mapping[str, bytes] | None = None) -> None:
        self._objects = {checked_key(key): content for key, content in (objects or {}).items()}

    async def get(self, key: str, *, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
        """Return an object's bytes."""
        content = self._objects.get(checked_key(key))
        if content is None:
            raise not_found(key)
        checked_size(key, len(content), max_bytes)
        return content

    async def put(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> None:  # noqa: ARG002 - nothing reads a type back
        """Store an object in place of any earlier one."""
        checked_size(checked_key(key), len(content), MAX_OBJECT_BYTES)
        self._objects[key] = bytes(content)

    async def list(self, prefix: str = "", *, limit: int = MAX_KEYS) -> Sequence[str]:
        """Return keys in the order of their bytes."""
        found = [key for key in self._objects if key.startswith(prefix)]
        return sorted(found, key=str.encode)[: min(limit, MAX_KEYS)]
