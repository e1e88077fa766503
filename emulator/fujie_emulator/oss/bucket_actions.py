"""What can be asked of the store and of a bucket as a whole."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from fujie_emulator.oss import objects, state, uploads
from fujie_emulator.oss.asked import XML, Asked, encoded, encoding, owner, xml
from fujie_emulator.oss.errors import OssError, malformed_xml
from fujie_emulator.oss.listing import ONLY_VERSION, listing, most_asked, versions
from fujie_emulator.oss.xml import Element, moment, parsed

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

_MOST_DELETED = 1000


async def list_buckets(asked: Asked) -> Response:
    asked.authorize("oss:ListBuckets", "*")
    query = asked.request.query
    most, prefix, marker = most_asked(query, "max-keys", 100), query.get("prefix", ""), query.get("marker", "")
    found = [name for name in state.buckets(asked.cloud) if name.startswith(prefix) and name > marker]
    page = found[:most]
    elements: list[Element] = [("Prefix", prefix), ("Marker", marker), ("MaxKeys", most)]
    elements += [("IsTruncated", len(found) > most)] + ([("NextMarker", page[-1])] if len(found) > most else [])
    listed = [("Bucket", _bucket(asked.cloud, name, state.bucket(asked.cloud, name))) for name in page]
    return xml("ListAllMyBucketsResult", [*elements, ("Owner", owner(asked)), ("Buckets", listed)])


async def put_bucket(asked: Asked) -> Response:
    asked.authorize_bucket("PutBucket")
    _check_acl(asked)
    body = await asked.body()
    wanted = _configuration(body) if body else {}
    state.create_bucket(asked.cloud, asked.request.bucket, **wanted)
    return Response(headers={"location": f"/{asked.request.bucket}"})


async def get_bucket_info(asked: Asked) -> Response:
    asked.authorize_bucket("GetBucketInfo")
    kept = state.bucket(asked.cloud, asked.request.bucket)
    elements = _bucket(asked.cloud, asked.request.bucket, kept)
    elements += [("Owner", owner(asked)), ("AccessControlList", [("Grant", "private")])]
    elements += [("DataRedundancyType", kept["redundancy"]), ("BlockPublicAccess", True)]
    return xml("BucketInfo", [("Bucket", elements)])


async def get_bucket_location(asked: Asked) -> Response:
    asked.authorize_bucket("GetBucketLocation")
    state.bucket(asked.cloud, asked.request.bucket)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint>oss-{asked.cloud.region}</LocationConstraint>'
    return Response(text, media_type=XML)


async def get_bucket_acl(asked: Asked) -> Response:
    asked.authorize_bucket("GetBucketAcl")
    state.bucket(asked.cloud, asked.request.bucket)
    return xml("AccessControlPolicy", [("Owner", owner(asked)), ("AccessControlList", [("Grant", "private")])])


async def put_bucket_acl(asked: Asked) -> Response:
    asked.authorize_bucket("PutBucketAcl")
    state.bucket(asked.cloud, asked.request.bucket)
    _check_acl(asked)
    return Response()


async def get_bucket_stat(asked: Asked) -> Response:
    asked.authorize_bucket("GetBucketStat")
    state.bucket(asked.cloud, asked.request.bucket)
    found = objects.keys_of(asked.cloud, asked.request.bucket)
    size, begun = sum(each.size for each in found), len(uploads.uploads_of(asked.cloud, asked.request.bucket))
    elements: list[Element] = [("Storage", size), ("ObjectCount", len(found)), ("MultipartUploadCount", begun)]
    elements += [("StandardStorage", size), ("StandardObjectCount", len(found))]
    return xml("BucketStat", [*elements, ("LastModifiedTime", int(asked.cloud.clock.time()))])


async def delete_bucket(asked: Asked) -> Response:
    asked.authorize_bucket("DeleteBucket")
    state.delete_bucket(asked.cloud, asked.request.bucket)
    return Response(status_code=204)


async def list_objects(asked: Asked) -> Response:
    query = asked.request.query
    context = {f"oss:{name.capitalize()}": query[name] for name in ("prefix", "delimiter") if name in query}
    asked.authorize("oss:ListObjects", asked.request.bucket, context)
    state.bucket(asked.cloud, asked.request.bucket)
    body = listing(asked.request, objects.keys_of(asked.cloud, asked.request.bucket), asked.cloud.account_id)
    return Response(body, media_type=XML)


async def list_object_versions(asked: Asked) -> Response:
    asked.authorize_bucket("ListObjectVersions")
    state.bucket(asked.cloud, asked.request.bucket)
    body = versions(asked.request, objects.keys_of(asked.cloud, asked.request.bucket), asked.cloud.account_id)
    return Response(body, media_type=XML)


async def delete_objects(asked: Asked) -> Response:
    found, quiet = _objects_to_delete(await asked.body())
    for key, version in found:
        action = "oss:DeleteObjectVersion" if version else "oss:DeleteObject"
        asked.authorize(action, f"{asked.request.bucket}/{key}")
    for key, version in found:
        if version in {"", ONLY_VERSION}:  # another does not exist, and its deletion does nothing
            objects.delete_object(asked.cloud, asked.request.bucket, key)
    deleted: list[Element] = [] if quiet else [("Deleted", _deleted(asked, *each)) for each in found]
    return xml("DeleteResult", [*encoding(asked), *deleted])


def _deleted(asked: Asked, key: str, version: str) -> list[Element]:
    return [("Key", encoded(asked, key)), *([("VersionId", version)] if version else [])]


def _bucket(cloud: "Cloud", name: str, kept: dict[str, Any]) -> list[Element]:
    return [
        ("Name", name),
        ("CreationDate", moment(datetime.fromtimestamp(kept["created_at"], UTC))),
        ("Location", f"oss-{cloud.region}"),
        ("Region", cloud.region),
        ("StorageClass", kept["storage_class"]),
        ("ExtranetEndpoint", f"oss-{cloud.region}.aliyuncs.com"),
        ("IntranetEndpoint", f"oss-{cloud.region}-internal.aliyuncs.com"),
    ]


def _check_acl(asked: Asked) -> None:
    """Raise AccessDenied for a public ACL: new accounts block them."""
    acl = asked.request.header("x-oss-acl")
    if acl not in {"", "default", "private"}:
        raise OssError("AccessDenied", 403, "Put public bucket acl is not allowed.")


def _configuration(body: bytes) -> dict[str, str]:
    root = parsed(body)
    if root.tag != "CreateBucketConfiguration":
        raise malformed_xml("CreateBucketConfiguration is right")
    named = {"storage_class": root.findtext("StorageClass"), "redundancy": root.findtext("DataRedundancyType")}
    return {name: text for name, text in named.items() if text}


def _objects_to_delete(body: bytes) -> tuple[list[tuple[str, str]], bool]:
    """Return keys, each with the version that is meant or "", and whether the answer is to be short."""
    root = parsed(body)
    found = [(each.findtext("Key") or "", each.findtext("VersionId") or "") for each in root.iter("Object")]
    if root.tag != "Delete" or not 1 <= len(found) <= _MOST_DELETED:
        raise malformed_xml(f"Delete with 1 to {_MOST_DELETED} keys is right")
    return found, (root.findtext("Quiet") or "").lower() == "true"
