"""Buckets and objects: names, rules, and what is remembered of each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fujie_emulator.oss.blobs import Blob, Blobs
from fujie_emulator.oss.errors import OssError, no_such_bucket, no_such_key

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "oss"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9\-]{1,61}[a-z0-9]")
_LONGEST_KEY = 1023  # bytes


@dataclass(frozen=True)
class StoredObject:
    """An object, without its bytes. `headers` are those it is served with."""

    bucket: str
    key: str
    sha256: str
    size: int
    etag: str
    crc64: str
    modified_at: float
    headers: Mapping[str, str]

    @property
    def modified(self) -> datetime:
        """The moment of its last change, whole seconds, as the wire shows it."""
        return datetime.fromtimestamp(int(self.modified_at), UTC)


def blobs(cloud: "Cloud") -> Blobs:
    """Return where this cloud keeps its objects' bytes."""
    return Blobs(cloud.store.directory / "objects")


def create_bucket(cloud: "Cloud", name: str) -> None:
    """Create the bucket; its owner may do so again."""
    if not _BUCKET.fullmatch(name):
        raise OssError("InvalidBucketName", 400, "The specified bucket is not valid.", {"BucketName": name[:128]})
    if cloud.store.get(SERVICE, "bucket", name) is None:
        cloud.store.put(SERVICE, "bucket", name, {"created_at": cloud.clock.time()})


def bucket_created(cloud: "Cloud", name: str) -> datetime:
    """Return when the bucket was created; raise NoSuchBucket."""
    doc = cloud.store.get(SERVICE, "bucket", name)
    if doc is None:
        raise no_such_bucket(name)
    return datetime.fromtimestamp(doc["created_at"], UTC)


def buckets(cloud: "Cloud") -> list[tuple[str, datetime]]:
    """Return all buckets by name."""
    return [(name, datetime.fromtimestamp(doc["created_at"], UTC)) for name, doc in cloud.store.list(SERVICE, "bucket")]


def delete_bucket(cloud: "Cloud", name: str) -> None:
    """Delete the bucket; raise BucketNotEmpty while it holds objects."""
    bucket_created(cloud, name)
    if any(True for _ in keys_of(cloud, name)):
        raise OssError("BucketNotEmpty", 409, "The bucket you tried to delete is not empty.", {"BucketName": name})
    cloud.store.delete(SERVICE, "bucket", name)


def keys_of(cloud: "Cloud", bucket: str) -> list[StoredObject]:
    """Return the bucket's objects in the order of their keys' bytes."""
    found = [_stored(doc) for key, doc in cloud.store.list(SERVICE, "object") if key.startswith(f"{bucket}/")]
    return sorted(found, key=lambda each: each.key.encode())


def get_object(cloud: "Cloud", bucket: str, key: str) -> StoredObject:
    """Return the object; raise NoSuchBucket or NoSuchKey."""
    bucket_created(cloud, bucket)
    doc = cloud.store.get(SERVICE, "object", f"{bucket}/{key}")
    if doc is None:
        raise no_such_key(key)
    return _stored(doc)


def check_key(key: str) -> None:
    """Raise InvalidObjectName when no object may have this key."""
    if not key or len(key.encode()) > _LONGEST_KEY or key[0] in "/\\":
        raise OssError("InvalidObjectName", 400, "The specified object is not valid.", {"ObjectName": key[:128]})


def put_object(
    cloud: "Cloud",
    bucket: str,
    key: str,
    blob: Blob,
    incoming: Path | None,
    headers: Mapping[str, str],
    *,
    forbid: bool,
) -> StoredObject:
    """Store received bytes (or, with no file, ones that are there) under the key; `forbid` refuses to overwrite."""
    doc = {
        "bucket": bucket,
        "key": key,
        "sha256": blob.sha256,
        "size": blob.size,
        "etag": blob.etag,
        "crc64": str(blob.crc64),
        "modified_at": cloud.clock.time(),
        "headers": dict(headers),
    }
    old = cloud.store.get(SERVICE, "object", f"{bucket}/{key}")
    if old is not None and forbid:
        raise OssError("FileAlreadyExists", 409, "The object you specified already exists and can not be overwritten.")
    if incoming is not None:
        blobs(cloud).keep(blob, incoming)
    with cloud.store.transaction():
        cloud.store.put(SERVICE, "object", f"{bucket}/{key}", doc)
        _hold(cloud, blob.sha256, 1)
        if old is not None:
            _hold(cloud, old["sha256"], -1)
    return _stored(doc)


def delete_object(cloud: "Cloud", bucket: str, key: str) -> None:
    """Delete the object; one that is not there is no error."""
    bucket_created(cloud, bucket)
    doc = cloud.store.get(SERVICE, "object", f"{bucket}/{key}")
    if doc is None:
        return
    with cloud.store.transaction():
        cloud.store.delete(SERVICE, "object", f"{bucket}/{key}")
        _hold(cloud, doc["sha256"], -1)


def _hold(cloud: "Cloud", sha256: str, change: int) -> None:
    """Count the objects that hold a blob; the last one takes the file with it."""
    held = (cloud.store.get(SERVICE, "blob", sha256) or {"objects": 0})["objects"] + change
    if held > 0:
        cloud.store.put(SERVICE, "blob", sha256, {"objects": held})
        return
    cloud.store.delete(SERVICE, "blob", sha256)
    blobs(cloud).remove(sha256)


def _stored(doc: Mapping[str, Any]) -> StoredObject:
    return StoredObject(**doc)
