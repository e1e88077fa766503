"""Objects: keys, rules, and what is remembered of each; their bytes are blobs that several may share."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fujie_emulator.oss.blobs import LARGEST_OBJECT, Blob, Blobs, Piece, too_large
from fujie_emulator.oss.crc64 import combined
from fujie_emulator.oss.errors import OssError, no_such_key
from fujie_emulator.oss.state import SERVICE, bucket

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

LONGEST_KEY = 1023  # bytes
Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Written:
    """How an object is to be served and who may see it: headers, tags and ACL that came with it."""

    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Tags = ()
    acl: str = "default"


@dataclass(frozen=True)
class StoredObject:
    """An object, without its bytes. `headers` are those it is served with; `kind` Normal, Multipart or Appendable."""

    bucket: str
    key: str
    pieces: tuple[Piece, ...]
    size: int
    etag: str
    crc64: str
    modified_at: float
    written: Written
    kind: str = "Normal"

    @property
    def modified(self) -> datetime:
        """The moment of its last change, whole seconds, as the wire shows it."""
        return datetime.fromtimestamp(int(self.modified_at), UTC)


def blobs(cloud: "Cloud") -> Blobs:
    """Return where this cloud keeps its objects' bytes."""
    return Blobs(cloud.store.directory / "objects")


def object_of_blob(cloud: "Cloud", name: str, key: str, blob: Blob, written: Written) -> StoredObject:
    """Return the object that one received body makes."""
    pieces = (Piece(blob.sha256, blob.size),)
    return StoredObject(name, key, pieces, blob.size, blob.etag, str(blob.crc64), cloud.clock.time(), written)


def copy_of(cloud: "Cloud", source: StoredObject, name: str, key: str, written: Written) -> StoredObject:
    """Return an object of the same bytes elsewhere."""
    return replace(source, bucket=name, key=key, modified_at=cloud.clock.time(), written=written, kind="Normal")


def keys_of(cloud: "Cloud", name: str) -> list[StoredObject]:
    """Return the bucket's objects in the order of their keys' bytes."""
    found = [_stored(doc) for _, doc in cloud.store.list(SERVICE, "object") if doc["bucket"] == name]
    return sorted(found, key=lambda each: each.key.encode())


def get_object(cloud: "Cloud", name: str, key: str) -> StoredObject:
    """Return the object; raise NoSuchBucket or NoSuchKey."""
    bucket(cloud, name)
    doc = cloud.store.get(SERVICE, "object", f"{name}/{key}")
    if doc is None:
        raise no_such_key(key)
    return _stored(doc)


def check_key(key: str) -> None:
    """Raise InvalidObjectName when no object may have this key."""
    if not key or len(key.encode(errors="surrogatepass")) > LONGEST_KEY or key[0] in "/\\":
        raise OssError("InvalidObjectName", 400, "The specified object is not valid.", {"ObjectName": key[:128]})


def check_overwrite(cloud: "Cloud", name: str, key: str, *, forbid: bool) -> None:
    """Raise FileAlreadyExists when the request forbids to overwrite and there is something."""
    if forbid and cloud.store.get(SERVICE, "object", f"{name}/{key}") is not None:
        raise OssError("FileAlreadyExists", 409, "The object you specified already exists and can not be overwritten.")


def put_object(cloud: "Cloud", made: StoredObject, incoming: tuple[Blob, Path] | None = None) -> StoredObject:
    """Store the object, after giving received bytes their place."""
    if incoming is not None:
        blobs(cloud).keep(*incoming)
    with holding(cloud) as held:
        place(cloud, held, made)
    return made


def place(cloud: "Cloud", held: "Held", made: StoredObject) -> None:
    """Put the object where another may be, inside a transaction that counts."""
    old = cloud.store.get(SERVICE, "object", f"{made.bucket}/{made.key}")
    held.gain(made.pieces)
    held.lose(_stored(old).pieces if old is not None else ())
    cloud.store.put(SERVICE, "object", f"{made.bucket}/{made.key}", asdict(made))


def append(
    cloud: "Cloud", name: str, key: str, position: int, incoming: tuple[Blob, Path], written: Written
) -> StoredObject:
    """Store received bytes after those of an appendable object, or as a new one; raise PositionNotEqualToLength."""
    bucket(cloud, name)
    blob = incoming[0]
    doc = cloud.store.get(SERVICE, "object", f"{name}/{key}")
    old = StoredObject(name, key, (), 0, "", "0", 0.0, written, "Appendable") if doc is None else _stored(doc)
    if old.kind != "Appendable":
        raise OssError("ObjectNotAppendable", 409, "The object is not appendable.")
    if position != old.size:
        words = "Position is not equal to file length."
        raise OssError("PositionNotEqualToLength", 409, words, headers={"x-oss-next-append-position": str(old.size)})
    if old.size + blob.size > LARGEST_OBJECT:
        raise too_large()
    crc = combined(int(old.crc64), blob.crc64, blob.size)
    grown = replace(
        old,
        pieces=(*old.pieces, Piece(blob.sha256, blob.size)),
        size=old.size + blob.size,
        etag=f"{crc:016X}{old.size + blob.size:016X}",
        crc64=str(crc),
        modified_at=cloud.clock.time(),
    )
    return put_object(cloud, grown, incoming)


def rewrite(cloud: "Cloud", found: StoredObject, written: Written) -> None:
    """Change tags or ACL of an object; its bytes and date stay."""
    cloud.store.put(SERVICE, "object", f"{found.bucket}/{found.key}", asdict(replace(found, written=written)))


def delete_object(cloud: "Cloud", name: str, key: str) -> None:
    """Delete the object; one that is not there is no error."""
    bucket(cloud, name)
    with holding(cloud) as held:
        doc = cloud.store.get(SERVICE, "object", f"{name}/{key}")
        if doc is not None:
            held.lose(_stored(doc).pieces)
            cloud.store.delete(SERVICE, "object", f"{name}/{key}")


class Held:
    """Counts who gains and who loses which blob in one transaction."""

    def __init__(self) -> None:
        self.changes: Counter[str] = Counter()

    def gain(self, pieces: Iterable[Piece]) -> None:
        """Note that these blobs are in use once more."""
        self.changes.update(piece.sha256 for piece in pieces)

    def lose(self, pieces: Iterable[Piece]) -> None:
        """Note that these blobs are in use once less."""
        self.changes.subtract(piece.sha256 for piece in pieces)


@contextmanager
def holding(cloud: "Cloud") -> Iterator[Held]:
    """Open a transaction that counts the users of blobs; afterwards the files that nobody holds are removed.

    Files go only after the commit: a process killed in between leaves a file too many, never one too few.
    """
    held = Held()
    unheld: list[str] = []
    with cloud.store.transaction():
        yield held
        for sha256, change in held.changes.items():
            count = (cloud.store.get(SERVICE, "blob", sha256) or {"objects": 0})["objects"] + change
            if count > 0:
                cloud.store.put(SERVICE, "blob", sha256, {"objects": count})
            else:
                cloud.store.delete(SERVICE, "blob", sha256)
                unheld.append(sha256)
    for sha256 in unheld:
        blobs(cloud).remove(sha256)


def sweep(cloud: "Cloud") -> None:
    """Remove the files that nobody holds: bodies that were being received when the process was killed."""
    held = {sha256 for sha256, _ in cloud.store.list(SERVICE, "blob")}
    for path in blobs(cloud).files():
        if path.name not in held:
            path.unlink(missing_ok=True)


def _stored(doc: Mapping[str, Any]) -> StoredObject:
    written = doc["written"]
    tags = tuple((name, value) for name, value in written["tags"])
    return StoredObject(
        **{
            **doc,
            "pieces": tuple(Piece(**piece) for piece in doc["pieces"]),
            "written": Written(written["headers"], tags, written["acl"]),
        }
    )
