"""The bytes of objects: files named by their content's hash, never by what a caller says."""

import hashlib
import os
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fujie_emulator.oss.errors import OssError

LARGEST_OBJECT = 256 << 20
"""The real limit of one PutObject is 5 GB; a laptop's tests stay far below this."""
_CHUNK = 256 * 1024


@dataclass(frozen=True)
class Blob:
    """Bytes on disk and what identifies them."""

    sha256: str
    md5: bytes
    crc64: int
    size: int

    @property
    def etag(self) -> str:
        """The ETag without its quotes: upper-case MD5."""
        return self.md5.hex().upper()

    @property
    def content_md5(self) -> str:
        """The value of a fitting Content-MD5 header."""
        return b64encode(self.md5).decode()


class Blobs:
    """The directory of blobs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def receive(self, chunks: AsyncIterator[bytes]) -> tuple[Blob, Path]:
        """Write a body to a file of its own; raise EntityTooLarge. `keep` or `discard` it afterwards."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._directory / f"incoming-{secrets.token_hex(16)}"
        try:
            return await _written(path, chunks), path
        except BaseException:
            self.discard(path)
            raise

    def keep(self, blob: Blob, incoming: Path) -> None:
        """Give the received file its place."""
        place = self.path(blob.sha256)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        incoming.replace(place)

    def discard(self, incoming: Path) -> None:
        """Forget a received file."""
        incoming.unlink(missing_ok=True)

    def remove(self, sha256: str) -> None:
        """Delete a blob that no object holds any more."""
        self.path(sha256).unlink(missing_ok=True)

    def path(self, sha256: str) -> Path:
        """Return where the blob lies."""
        return self._directory / sha256[:2] / sha256

    def read(self, sha256: str, start: int, length: int) -> Iterator[bytes]:
        """Yield `length` bytes from `start`."""
        with self.path(sha256).open("rb") as file:
            file.seek(start)
            while length > 0 and (chunk := file.read(min(_CHUNK, length))):
                length -= len(chunk)
                yield chunk


async def _written(path: Path, chunks: AsyncIterator[bytes]) -> Blob:
    sha256, md5, crc64, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0, 0
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > LARGEST_OBJECT:
                raise OssError("EntityTooLarge", 400, f"The object is larger than {LARGEST_OBJECT} bytes.")
            sha256.update(chunk)
            md5.update(chunk)
            crc64 = _crc64()(chunk, crc64)
            file.write(chunk)
    return Blob(sha256.hexdigest(), md5.digest(), crc64, size)


@cache
def _crc64() -> Any:
    from crcmod.crcmod import mkCrcFun

    # CRC-64/XZ, which the store calls crc64ecma
    return mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, rev=True, xorOut=0xFFFFFFFFFFFFFFFF)
