"""Which action a request asks for."""

from fujie_emulator.oss import bucket_actions, object_actions, upload_actions
from fujie_emulator.oss.asked import Action
from fujie_emulator.oss.errors import not_implemented
from fujie_emulator.oss.request import ObjectRequest
from fujie_emulator.oss.setting_actions import SETTINGS, setting_actions

_SERVICE: dict[tuple[str, str], tuple[str, Action]] = {("GET", ""): ("ListBuckets", bucket_actions.list_buckets)}
_BUCKET: dict[tuple[str, str], tuple[str, Action]] = {
    ("GET", ""): ("ListObjects", bucket_actions.list_objects),
    ("PUT", ""): ("PutBucket", bucket_actions.put_bucket),
    ("DELETE", ""): ("DeleteBucket", bucket_actions.delete_bucket),
    ("GET", "bucketInfo"): ("GetBucketInfo", bucket_actions.get_bucket_info),
    ("GET", "location"): ("GetBucketLocation", bucket_actions.get_bucket_location),
    ("GET", "stat"): ("GetBucketStat", bucket_actions.get_bucket_stat),
    ("GET", "acl"): ("GetBucketAcl", bucket_actions.get_bucket_acl),
    ("PUT", "acl"): ("PutBucketAcl", bucket_actions.put_bucket_acl),
    ("POST", "delete"): ("DeleteMultipleObjects", bucket_actions.delete_objects),
    ("GET", "uploads"): ("ListMultipartUploads", upload_actions.list_uploads),
    ("GET", "versions"): ("ListObjectVersions", bucket_actions.list_object_versions),
} | setting_actions()
_OBJECT: dict[tuple[str, str], tuple[str, Action]] = {
    ("GET", ""): ("GetObject", object_actions.get_object),
    ("PUT", ""): ("PutObject", object_actions.put_object),
    ("HEAD", ""): ("HeadObject", object_actions.head_object),
    ("HEAD", "objectMeta"): ("GetObjectMeta", object_actions.head_object),
    ("DELETE", ""): ("DeleteObject", object_actions.delete_object),
    ("POST", "append"): ("AppendObject", object_actions.append_object),
    ("GET", "acl"): ("GetObjectAcl", object_actions.get_object_acl),
    ("PUT", "acl"): ("PutObjectAcl", object_actions.put_object_acl),
    ("GET", "tagging"): ("GetObjectTagging", object_actions.get_object_tagging),
    ("PUT", "tagging"): ("PutObjectTagging", object_actions.put_object_tagging),
    ("DELETE", "tagging"): ("DeleteObjectTagging", object_actions.delete_object_tagging),
    ("POST", "uploads"): ("InitiateMultipartUpload", upload_actions.initiate),
    ("PUT", "uploadId"): ("UploadPart", upload_actions.upload_part),
    ("GET", "uploadId"): ("ListParts", upload_actions.list_parts),
    ("POST", "uploadId"): ("CompleteMultipartUpload", upload_actions.complete),
    ("DELETE", "uploadId"): ("AbortMultipartUpload", upload_actions.abort),
}
# What makes a request another action. Those that no table above has are refused by name.
_SUBRESOURCES = (
    "uploadId", "uploads", "acl", "append", "bucketInfo", "delete", "location", "objectMeta", "stat", *SETTINGS,
    "accessPoint", "accessPointConfig", "accessPointForObjectProcess", "accessPointPolicy", "archiveDirectRead",
    "asyncFetch", "bucketArchiveDirectRead", "callback", "callbackPolicy", "cname", "comp", "group", "httpsConfig",
    "img", "inventory", "legalHold", "link", "live", "metaQuery", "objectInfo", "objectWorm", "policyStatus", "qos",
    "qosInfo", "qosRequester", "redundancyTransition", "regionList", "regions", "replicationLocation",
    "replicationProgress", "requesterQosInfo", "resourcePool", "restore", "retention", "rtc", "seal", "select",
    "style", "styleName", "symlink", "token", "userDefinedLogFieldsConfig", "versionId", "versions", "vod",
    "wormExtend", "wormId", "x-oss-async-process", "x-oss-process", "x-oss-write-get-object-response",
)  # fmt: skip


def action_of(request: ObjectRequest) -> tuple[str, Action]:
    """Return the action's name and its function; raise NotImplemented naming what the emulator does not do."""
    asked = next((name for name in _SUBRESOURCES if name in request.query), "")
    table = _SERVICE if not request.bucket else _OBJECT if request.key else _BUCKET
    found = table.get((request.method, asked))
    if found is None:
        what = "object" if request.key else "bucket" if request.bucket else "service"
        raise not_implemented(f"{request.method} of a {what}{f' with ?{asked}' if asked else ''}")
    return found


def operation_names() -> set[str]:
    """Return the official client's names of everything that is done, for COVERAGE.md."""
    named = {name for table in (_SERVICE, _BUCKET, _OBJECT) for name, _ in table.values()}
    same_request = {"CopyObject", "ListObjectsV2", "UploadPartCopy"}
    return {name.replace("BucketTagging", "BucketTags") for name in named} | same_request
