"""What can be asked of the store, each with its RAM action, its resource and its answer."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from fujie_emulator.core import iam
from fujie_emulator.core.call import Caller
from fujie_emulator.core.rpc import read_body
from fujie_emulator.oss import state
from fujie_emulator.oss.blobs import Blob
from fujie_emulator.oss.conditions import check_conditions, part_of
from fujie_emulator.oss.errors import OssError, invalid_argument, not_implemented
from fujie_emulator.oss.listing import listing
from fujie_emulator.oss.request import ObjectRequest
from fujie_emulator.oss.xml import Element, document, moment

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

XML = "application/xml"
_SERVED_HEADERS = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)
_LARGEST_XML = 2 << 20
_MOST_DELETED = 1000


@dataclass(frozen=True)
class Asked:
    """One verified request."""

    cloud: "Cloud"
    caller: Caller
    request: ObjectRequest
    wire: Request

    def authorize(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        """Raise NoPermission (CloudError) unless RAM, and the session policy, allow it."""
        iam.authorize(self.cloud, self.caller, action, [f"acs:oss:*:{self.cloud.account_id}:{resource}"], context)

    def authorize_object(self, action: str) -> None:
        self.authorize(action, f"{self.request.bucket}/{self.request.key}")


Action = Callable[[Asked], Awaitable[Response]]


async def list_buckets(asked: Asked) -> Response:
    asked.authorize("oss:ListBuckets", "*")
    location = f"oss-{asked.cloud.region}"
    found = [
        ("Bucket", [("Name", name), ("CreationDate", moment(created)), ("Location", location), *_storage(asked.cloud)])
        for name, created in state.buckets(asked.cloud)
        if name.startswith(asked.request.query.get("prefix", ""))
    ]
    return _xml("ListAllMyBucketsResult", [("Owner", _owner(asked)), ("IsTruncated", False), ("Buckets", found)])


async def put_bucket(asked: Asked) -> Response:
    asked.authorize("oss:PutBucket", asked.request.bucket)
    if asked.request.header("x-oss-acl") not in {"", "default", "private"}:
        raise OssError("AccessDenied", 403, "Put public bucket acl is not allowed.")
    state.create_bucket(asked.cloud, asked.request.bucket)
    return Response(headers={"location": f"/{asked.request.bucket}"})


async def get_bucket_info(asked: Asked) -> Response:
    asked.authorize("oss:GetBucketInfo", asked.request.bucket)
    name, created = asked.request.bucket, state.bucket_created(asked.cloud, asked.request.bucket)
    elements: list[Element] = [("Name", name), ("CreationDate", moment(created)), *_storage(asked.cloud)]
    elements += [("Location", f"oss-{asked.cloud.region}"), ("Owner", _owner(asked))]
    elements += [("AccessControlList", [("Grant", "private")]), ("DataRedundancyType", "LRS")]
    return _xml("BucketInfo", [("Bucket", elements)])


async def get_bucket_location(asked: Asked) -> Response:
    asked.authorize("oss:GetBucketLocation", asked.request.bucket)
    state.bucket_created(asked.cloud, asked.request.bucket)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint>oss-{asked.cloud.region}</LocationConstraint>'
    return Response(text, media_type=XML)


async def get_bucket_acl(asked: Asked) -> Response:
    asked.authorize("oss:GetBucketAcl", asked.request.bucket)
    state.bucket_created(asked.cloud, asked.request.bucket)
    return _xml("AccessControlPolicy", [("Owner", _owner(asked)), ("AccessControlList", [("Grant", "private")])])


async def delete_bucket(asked: Asked) -> Response:
    asked.authorize("oss:DeleteBucket", asked.request.bucket)
    state.delete_bucket(asked.cloud, asked.request.bucket)
    return Response(status_code=204)


async def list_objects(asked: Asked) -> Response:
    query = asked.request.query
    context = {f"oss:{name.capitalize()}": query[name] for name in ("prefix", "delimiter") if name in query}
    asked.authorize("oss:ListObjects", asked.request.bucket, context)
    state.bucket_created(asked.cloud, asked.request.bucket)
    body = listing(asked.request, state.keys_of(asked.cloud, asked.request.bucket), asked.cloud.account_id)
    return Response(body, media_type=XML)


async def delete_objects(asked: Asked) -> Response:
    body = await read_body(asked.wire, _LARGEST_XML)
    _check_md5(asked.request, hashlib.md5(body, usedforsecurity=False).digest())
    keys, quiet = _keys_to_delete(body)
    for key in keys:
        asked.authorize("oss:DeleteObject", f"{asked.request.bucket}/{key}")
    for key in keys:
        state.delete_object(asked.cloud, asked.request.bucket, key)
    return _xml("DeleteResult", [] if quiet else [("Deleted", [("Key", key)]) for key in keys])


async def put_object(asked: Asked) -> Response:
    asked.authorize_object("oss:PutObject")
    state.check_key(asked.request.key)
    state.bucket_created(asked.cloud, asked.request.bucket)
    if asked.request.header("x-oss-copy-source"):
        return await _copy_object(asked)
    keeper = state.blobs(asked.cloud)
    blob, incoming = await keeper.receive(_body(asked.wire))
    try:
        _check_body(asked.request, blob)
        found = _put(asked, blob, incoming, _kept_headers(asked.request))
    finally:
        keeper.discard(incoming)
    return Response(headers=_identity(found) | {"content-md5": blob.content_md5})


async def get_object(asked: Asked) -> Response:
    asked.authorize_object("oss:GetObject")
    found = state.get_object(asked.cloud, asked.request.bucket, asked.request.key)
    check_conditions(asked.request, found)
    part = part_of(asked.request, found.size)
    headers = _object_headers(found) | _overridden(asked.request) | {"content-length": str(part.length)}
    if part.partial:
        headers["content-range"] = f"bytes {part.start}-{part.start + part.length - 1}/{found.size}"
    chunks = state.blobs(asked.cloud).read(found.sha256, part.start, part.length)
    return StreamingResponse(chunks, 206 if part.partial else 200, headers)


async def head_object(asked: Asked) -> Response:
    asked.authorize_object("oss:GetObject")
    found = state.get_object(asked.cloud, asked.request.bucket, asked.request.key)
    check_conditions(asked.request, found)
    return Response(headers=_object_headers(found) | {"content-length": str(found.size)})


async def get_object_acl(asked: Asked) -> Response:
    asked.authorize_object("oss:GetObjectAcl")
    state.get_object(asked.cloud, asked.request.bucket, asked.request.key)
    return _xml("AccessControlPolicy", [("Owner", _owner(asked)), ("AccessControlList", [("Grant", "default")])])


async def delete_object(asked: Asked) -> Response:
    asked.authorize_object("oss:DeleteObject")
    state.delete_object(asked.cloud, asked.request.bucket, asked.request.key)
    return Response(status_code=204)


async def _copy_object(asked: Asked) -> Response:
    bucket, _, key = unquote(asked.request.header("x-oss-copy-source")).removeprefix("/").partition("/")
    asked.authorize("oss:GetObject", f"{bucket}/{key}")
    source = state.get_object(asked.cloud, bucket, key)
    replaced = asked.request.header("x-oss-metadata-directive").upper() == "REPLACE"
    headers = _kept_headers(asked.request) if replaced else source.headers
    blob = Blob(source.sha256, bytes.fromhex(source.etag), int(source.crc64), source.size)
    found = _put(asked, blob, None, headers)
    return _xml("CopyObjectResult", [("LastModified", moment(found.modified)), ("ETag", f'"{found.etag}"')])


def _put(asked: Asked, blob: Blob, incoming: Path | None, headers: Mapping[str, str]) -> state.StoredObject:
    forbid = asked.request.header("x-oss-forbid-overwrite") == "true"
    request = asked.request
    return state.put_object(asked.cloud, request.bucket, request.key, blob, incoming, headers, forbid=forbid)


async def _body(wire: Request) -> AsyncIterator[bytes]:
    async for chunk in wire.stream():
        if chunk:
            yield chunk


def _check_body(request: ObjectRequest, blob: Blob) -> None:
    _check_md5(request, blob.md5)
    signed = request.header("x-oss-content-sha256")
    if signed not in {"", "UNSIGNED-PAYLOAD", blob.sha256}:
        raise invalid_argument("x-oss-content-sha256", signed, "The hash does not fit the body.")


def _check_md5(request: ObjectRequest, md5: bytes) -> None:
    given = request.header("content-md5")
    if given and given != Blob("", md5, 0, 0).content_md5:
        raise OssError("InvalidDigest", 400, "The Content-MD5 you specified was invalid.", {"Content-MD5": given[:64]})


def _kept_headers(request: ObjectRequest) -> dict[str, str]:
    kept = {name: value for name, value in request.headers.items() if name in _SERVED_HEADERS}
    meta = {name: value for name, value in request.headers.items() if name.startswith("x-oss-meta-")}
    return {"content-type": "application/octet-stream"} | kept | meta


def _overridden(request: ObjectRequest) -> dict[str, str]:
    asked = {name: request.query.get(f"response-{name}", "") for name in _SERVED_HEADERS}
    return {name: value for name, value in asked.items() if value and value.isprintable()}


def _identity(found: state.StoredObject) -> dict[str, str]:
    return {"etag": f'"{found.etag}"', "x-oss-hash-crc64ecma": found.crc64}


def _object_headers(found: state.StoredObject) -> dict[str, str]:
    return {
        **found.headers,
        **_identity(found),
        "last-modified": format_datetime(found.modified, usegmt=True),
        "accept-ranges": "bytes",
        "x-oss-object-type": "Normal",
        "x-oss-storage-class": "Standard",
    }


def _owner(asked: Asked) -> list[Element]:
    return [("ID", asked.cloud.account_id), ("DisplayName", asked.cloud.account_id)]


def _storage(cloud: "Cloud") -> list[Element]:
    return [
        ("StorageClass", "Standard"),
        ("ExtranetEndpoint", f"oss-{cloud.region}.aliyuncs.com"),
        ("IntranetEndpoint", f"oss-{cloud.region}-internal.aliyuncs.com"),
    ]


def _xml(root: str, elements: list[Element]) -> Response:
    return Response(document(root, elements), media_type=XML)


def _keys_to_delete(body: bytes) -> tuple[list[str], bool]:
    if b"<!" in body:  # no document type: entities could expand without bound
        raise OssError("MalformedXML", 400, "The XML has a document type.")
    try:
        root = ET.fromstring(body)  # noqa: S314 - a document type was refused above
    except ET.ParseError as error:
        raise OssError("MalformedXML", 400, "The XML you provided was not well-formed.") from error
    keys = [element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == "Key"]
    if not 1 <= len(keys) <= _MOST_DELETED:
        raise OssError("MalformedXML", 400, f"Name 1 to {_MOST_DELETED} keys.")
    return keys, (root.findtext("Quiet") or "").lower() == "true"


_SERVICE: dict[str, tuple[str, Action]] = {"GET": ("ListBuckets", list_buckets)}
_BUCKET: dict[tuple[str, str], tuple[str, Action]] = {
    ("GET", ""): ("ListObjects", list_objects),
    ("PUT", ""): ("PutBucket", put_bucket),
    ("DELETE", ""): ("DeleteBucket", delete_bucket),
    ("GET", "bucketInfo"): ("GetBucketInfo", get_bucket_info),
    ("GET", "location"): ("GetBucketLocation", get_bucket_location),
    ("GET", "acl"): ("GetBucketAcl", get_bucket_acl),
    ("POST", "delete"): ("DeleteMultipleObjects", delete_objects),
}
_OBJECT: dict[tuple[str, str], tuple[str, Action]] = {
    ("GET", ""): ("GetObject", get_object),
    ("PUT", ""): ("PutObject", put_object),
    ("HEAD", ""): ("HeadObject", head_object),
    ("HEAD", "objectMeta"): ("GetObjectMeta", head_object),
    ("GET", "acl"): ("GetObjectAcl", get_object_acl),
    ("DELETE", ""): ("DeleteObject", delete_object),
}
_SUBRESOURCES = (
    "acl", "append", "bucketInfo", "callback", "comp", "cors", "delete", "encryption", "inventory", "lifecycle", "link",
    "live", "location", "logging", "objectMeta", "policy", "referer", "replication", "requestPayment", "resourceGroup",
    "restore", "stat", "style", "symlink", "tagging", "transferAcceleration", "uploadId", "uploads", "versionId",
    "versioning", "versions", "vod", "website", "worm", "x-oss-process",
)  # fmt: skip


def action_of(request: ObjectRequest) -> tuple[str, Action]:
    """Return the action's name and its function; raise NotImplemented naming what the emulator does not do."""
    asked = next((name for name in _SUBRESOURCES if name in request.query), "")
    if not request.bucket:
        found = _SERVICE.get(request.method) if not asked else None
    else:
        found = (_OBJECT if request.key else _BUCKET).get((request.method, asked))
    if found is None:
        what = "object" if request.key else "bucket" if request.bucket else "service"
        raise not_implemented(f"{request.method} of a {what}{f' with ?{asked}' if asked else ''}")
    return found


def operation_names() -> set[str]:
    """Return the names of everything that is done, for COVERAGE.md."""
    tables = (_SERVICE, _BUCKET, _OBJECT)
    return {name for table in tables for name, _ in table.values()} | {"CopyObject"}
