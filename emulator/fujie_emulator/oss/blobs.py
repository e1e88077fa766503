"""The bytes of objects: files named by their content's hash, never by what a caller says."""

import hashlib
import os
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fujie_emulator.oss.crc64 import crc64
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

    @classmethod
    def of(cls, body: bytes) -> "Blob":
        """Return what identifies bytes that are not kept on disk."""
        md5 = hashlib.md5(body, usedforsecurity=False).digest()
        return cls(hashlib.sha256(body).hexdigest(), md5, crc64(body), len(body))

    @property
    def etag(self) -> str:
        """The ETag without its quotes: upper-case MD5."""
        return self.md5.hex().upper()

    @property
    def content_md5(self) -> str:
        """The value of a fitting Content-MD5 header."""
        return b64encode(self.md5).decode()


@dataclass(frozen=True)
class Piece:
    """A blob as part of an object; one that was uploaded in parts or appended to has several."""

    sha256: str
    size: int


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

    def files(self) -> Iterator[Path]:
        """Yield every file there is."""
        return (path for path in self._directory.rglob("*") if path.is_file())

    def read(self, pieces: Sequence[Piece], start: int, length: int) -> Iterator[bytes]:
        """Yield `length` bytes from `start` of the pieces in a row."""
        for piece in pieces:
            here = min(length, max(piece.size - start, 0))
            yield from self._read_one(piece.sha256, start, here)
            start = max(start - piece.size, 0)
            length -= here

    def _read_one(self, sha256: str, start: int, length: int) -> Iterator[bytes]:
        if not length:
            return
        with self.path(sha256).open("rb") as file:
            file.seek(start)
            while length > 0 and (chunk := file.read(min(_CHUNK, length))):
                length -= len(chunk)
                yield chunk


def too_large() -> OssError:
    """EntityTooLarge 400."""
    return OssError("EntityTooLarge", 400, f"An object has at most {LARGEST_OBJECT} bytes here.")


async def _written(path: Path, chunks: AsyncIterator[bytes]) -> Blob:
    sha256, md5, crc, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0, 0
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > LARGEST_OBJECT:
                raise too_large()
            sha256.update(chunk)
            md5.update(chunk)
            crc = crc64(chunk, crc)
            file.write(chunk)
    return Blob(sha256.hexdigest(), md5.digest(), crc, size)
