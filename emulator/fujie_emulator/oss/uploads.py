"""Uploads in parts: begun, filled in any order, then completed or aborted."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fujie_emulator.oss.blobs import LARGEST_OBJECT, Blob, Piece, too_large
from fujie_emulator.oss.crc64 import combined
from fujie_emulator.oss.errors import OssError
from fujie_emulator.oss.objects import Held, StoredObject, Written, blobs, check_overwrite, holding, place
from fujie_emulator.oss.state import SERVICE, bucket

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

HIGHEST_PART = 10000
SMALLEST_PART = 100 * 1024  # bytes; the last part may be smaller


@dataclass(frozen=True)
class Upload:
    """An upload that was begun."""

    upload_id: str
    bucket: str
    key: str
    started_at: float
    written: Written

    @property
    def started(self) -> datetime:
        """The moment it was begun."""
        return datetime.fromtimestamp(int(self.started_at), UTC)


@dataclass(frozen=True)
class Part:
    """One received part; `md5` in hex."""

    number: int
    sha256: str
    size: int
    md5: str
    crc64: str
    modified_at: float

    @property
    def etag(self) -> str:
        """The ETag without its quotes."""
        return self.md5.upper()

    @property
    def modified(self) -> datetime:
        """The moment it was received."""
        return datetime.fromtimestamp(int(self.modified_at), UTC)

    @property
    def piece(self) -> Piece:
        """The part's bytes."""
        return Piece(self.sha256, self.size)


def begin(cloud: "Cloud", name: str, key: str, written: Written) -> Upload:
    """Begin an upload."""
    bucket(cloud, name)
    upload = Upload(secrets.token_hex(16).upper(), name, key, cloud.clock.time(), written)
    cloud.store.put(SERVICE, "upload", upload.upload_id, asdict(upload))
    return upload


def upload_of(cloud: "Cloud", name: str, key: str, upload_id: str) -> Upload:
    """Return the upload of this very key; raise NoSuchUpload."""
    doc = cloud.store.get(SERVICE, "upload", upload_id)
    if doc is None or (doc["bucket"], doc["key"]) != (name, key):
        raise OssError("NoSuchUpload", 404, "The specified upload does not exist.", {"UploadId": upload_id[:128]})
    return _upload(doc)


def uploads_of(cloud: "Cloud", name: str) -> list[Upload]:
    """Return the bucket's uploads by key, then id."""
    bucket(cloud, name)
    found = [_upload(doc) for _, doc in cloud.store.list(SERVICE, "upload") if doc["bucket"] == name]
    return sorted(found, key=lambda each: (each.key.encode(), each.upload_id))


def put_part(cloud: "Cloud", upload: Upload, number: int, incoming: tuple[Blob, Path]) -> Part:
    """Store a received part in place of any earlier one of its number."""
    blob, _ = incoming
    upload_of(cloud, upload.bucket, upload.key, upload.upload_id)  # it may have ended while the body came
    blobs(cloud).keep(*incoming)
    part = Part(number, blob.sha256, blob.size, blob.md5.hex(), str(blob.crc64), cloud.clock.time())
    with holding(cloud) as held:
        old = cloud.store.get(SERVICE, "part", _place(upload, number))
        held.gain([part.piece])
        held.lose([Part(**old).piece] if old is not None else [])
        cloud.store.put(SERVICE, "part", _place(upload, number), asdict(part))
    return part


def parts_of(cloud: "Cloud", upload: Upload) -> list[Part]:
    """Return the upload's parts by number."""
    prefix = f"{upload.upload_id}/"
    return [Part(**doc) for key, doc in cloud.store.list(SERVICE, "part") if key.startswith(prefix)]


def complete(cloud: "Cloud", upload: Upload, wanted: Sequence[tuple[int, str]] | None, *, forbid: bool) -> StoredObject:
    """Make the object of the wanted (number, ETag) parts, of all with None; raise InvalidPart, InvalidPartOrder."""
    there = {part.number: part for part in parts_of(cloud, upload)}
    chosen = list(there.values()) if wanted is None else _chosen(there, wanted)
    if not chosen:
        raise OssError("InvalidPart", 400, "The upload has no parts.")
    if any(part.size < SMALLEST_PART for part in chosen[:-1]):
        raise OssError("EntityTooSmall", 400, f"Every part but the last must have at least {SMALLEST_PART} bytes.")
    if sum(part.size for part in chosen) > LARGEST_OBJECT:
        raise too_large()
    check_overwrite(cloud, upload.bucket, upload.key, forbid=forbid)
    made = _object(cloud, upload, chosen)
    with holding(cloud) as held:
        place(cloud, held, made)
        _forget(cloud, held, upload)
    return made


def abort(cloud: "Cloud", upload: Upload) -> None:
    """Forget the upload and its parts."""
    with holding(cloud) as held:
        _forget(cloud, held, upload)


def _forget(cloud: "Cloud", held: Held, upload: Upload) -> None:
    for part in parts_of(cloud, upload):
        held.lose([part.piece])
        cloud.store.delete(SERVICE, "part", _place(upload, part.number))
    cloud.store.delete(SERVICE, "upload", upload.upload_id)


def _chosen(there: Mapping[int, Part], wanted: Sequence[tuple[int, str]]) -> list[Part]:
    numbers = [number for number, _ in wanted]
    if numbers != sorted(set(numbers)):
        raise OssError("InvalidPartOrder", 400, "The list of parts was not in ascending order.")
    for number, etag in wanted:
        if number not in there or there[number].etag != etag.strip('"').upper():
            words = "One or more of the specified parts could not be found or the ETag did not match."
            raise OssError("InvalidPart", 400, words, {"PartNumber": str(number)})
    return [there[number] for number in numbers]


def _object(cloud: "Cloud", upload: Upload, parts: Sequence[Part]) -> StoredObject:
    digest = hashlib.md5(b"".join(bytes.fromhex(part.md5) for part in parts), usedforsecurity=False).hexdigest()
    crc = 0
    for part in parts:
        crc = combined(crc, int(part.crc64), part.size)
    return StoredObject(
        bucket=upload.bucket,
        key=upload.key,
        pieces=tuple(part.piece for part in parts),
        size=sum(part.size for part in parts),
        etag=f"{digest.upper()}-{len(parts)}",
        crc64=str(crc),
        modified_at=cloud.clock.time(),
        written=upload.written,
        kind="Multipart",
    )


def _place(upload: Upload, number: int) -> str:
    return f"{upload.upload_id}/{number:05}"


def _upload(doc: Mapping[str, Any]) -> Upload:
    written = doc["written"]
    kept = Written(written["headers"], tuple((name, value) for name, value in written["tags"]), written["acl"])
    return Upload(**{**doc, "written": kept})
