"""Buckets: names, rules, and the settings that are kept of each."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fujie_emulator.oss.errors import OssError, no_such_bucket

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "oss"
STORAGE_CLASSES = ("Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive")
REDUNDANCIES = ("LRS", "ZRS")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9\-]{1,61}[a-z0-9]")


def create_bucket(cloud: "Cloud", name: str, storage_class: str = "Standard", redundancy: str = "LRS") -> None:
    """Create the bucket; its owner may do so again, which changes nothing."""
    if not _BUCKET.fullmatch(name):
        raise OssError("InvalidBucketName", 400, "The specified bucket is not valid.", {"BucketName": name[:128]})
    if storage_class not in STORAGE_CLASSES or redundancy not in REDUNDANCIES:
        raise OssError("InvalidStorageClass", 400, "The storage class or redundancy you specified is not valid.")
    if cloud.store.get(SERVICE, "bucket", name) is None:
        doc = {"created_at": cloud.clock.time(), "storage_class": storage_class, "redundancy": redundancy}
        cloud.store.put(SERVICE, "bucket", name, doc)


def bucket(cloud: "Cloud", name: str) -> dict[str, Any]:
    """Return what is kept of a bucket: created_at, storage_class, redundancy; raise NoSuchBucket."""
    doc = cloud.store.get(SERVICE, "bucket", name)
    if doc is None:
        raise no_such_bucket(name)
    return {"storage_class": "Standard", "redundancy": "LRS"} | doc


def bucket_created(cloud: "Cloud", name: str) -> datetime:
    """Return when the bucket was created; raise NoSuchBucket."""
    return datetime.fromtimestamp(bucket(cloud, name)["created_at"], UTC)


def buckets(cloud: "Cloud") -> list[str]:
    """Return the names of all buckets, in order."""
    return [name for name, _ in cloud.store.list(SERVICE, "bucket")]


def delete_bucket(cloud: "Cloud", name: str) -> None:
    """Delete the bucket with its settings; raise BucketNotEmpty while it holds objects or parts of some."""
    with cloud.store.transaction():
        bucket(cloud, name)
        holding = (*cloud.store.list(SERVICE, "object"), *cloud.store.list(SERVICE, "upload"))
        if any(doc["bucket"] == name for _, doc in holding):
            raise OssError("BucketNotEmpty", 409, "The bucket you tried to delete is not empty.", {"BucketName": name})
        cloud.store.delete(SERVICE, "bucket", name)
        for key, _ in cloud.store.list(SERVICE, "setting"):
            if key.startswith(f"{name}/"):
                cloud.store.delete(SERVICE, "setting", key)


def setting(cloud: "Cloud", name: str, subresource: str) -> str | None:
    """Return the document that was put for a sub-resource of the bucket, or None; raise NoSuchBucket."""
    bucket(cloud, name)
    doc = cloud.store.get(SERVICE, "setting", f"{name}/{subresource}")
    return None if doc is None else str(doc["text"])


def put_setting(cloud: "Cloud", name: str, subresource: str, text: str) -> None:
    """Keep the document of a sub-resource."""
    with cloud.store.transaction():
        bucket(cloud, name)
        cloud.store.put(SERVICE, "setting", f"{name}/{subresource}", {"text": text})


def delete_setting(cloud: "Cloud", name: str, subresource: str) -> None:
    """Forget the document of a sub-resource; one that is not there is no error."""
    with cloud.store.transaction():
        bucket(cloud, name)
        cloud.store.delete(SERVICE, "setting", f"{name}/{subresource}")
