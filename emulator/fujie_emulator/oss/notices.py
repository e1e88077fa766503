"""What happened to objects, told to whoever listens: the event that Function Compute passes on (fc.md 2.2)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.clock import iso
from fujie_emulator.oss import objects

if TYPE_CHECKING:
    from fujie_emulator.oss.asked import Asked

LISTENER = "oss-notices"
"""The part of the cloud that is told, a `Listener`."""
Listener = Callable[[str, str, dict[str, Any]], None]
"""Called with bucket, event name (`ObjectCreated:PutObject`) and the event."""
_EVENTS = {
    "PutObject": "ObjectCreated:PutObject",
    "AppendObject": "ObjectCreated:AppendObject",
    "CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
    "DeleteObject": "ObjectRemoved:DeleteObject",
}


def announce(asked: "Asked", action: str, request_id: str) -> None:
    """Tell what an action that succeeded did to its object."""
    listener, name = asked.cloud.parts.get(LISTENER), _EVENTS.get(action)
    if listener is None or name is None:
        return
    if asked.request.header("x-oss-copy-source"):
        name = "ObjectCreated:CopyObject"
    listener(asked.request.bucket, name, _event(asked, name, request_id))


def _event(asked: "Asked", name: str, request_id: str) -> dict[str, Any]:
    cloud, bucket = asked.cloud, asked.request.bucket
    held = {"key": asked.request.key, "size": 0, "deltaSize": 0, "eTag": ""}
    if name.startswith("ObjectCreated"):
        stored = objects.get_object(cloud, bucket, asked.request.key)
        mime_type = stored.written.headers.get("content-type", "application/octet-stream")
        held |= {"size": stored.size, "deltaSize": stored.size, "eTag": stored.etag}
        held |= {"objectMeta": {"mimeType": mime_type}}
    arn = f"acs:oss:{cloud.region}:{cloud.account_id}:{bucket}"
    return {
        "eventName": name,
        "eventSource": "acs:oss",
        "eventTime": iso(cloud.clock.now()),
        "eventVersion": "1.0",
        "oss": {
            "bucket": {"arn": arn, "name": bucket, "ownerIdentity": cloud.account_id, "virtualBucket": ""},
            "object": held,
            "ossSchemaVersion": "1.0",
            "ruleId": "",
        },
        "region": cloud.region,
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": request_id},
        "userIdentity": {"principalId": asked.caller.name or cloud.account_id},
    }
