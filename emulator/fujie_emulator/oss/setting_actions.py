"""A bucket's sub-resources that are documents: put as they come, read back as they were put.

Those that would change who may do what (bucket policy, referer lists, payers, versions, retention) can be read, as a
refresh does, but putting one is refused by name: the emulator would not act on it. The others are kept and returned;
they do nothing here either (nothing expires, no log is written), which COVERAGE.md says.
"""

from dataclasses import dataclass

from starlette.responses import Response

from fujie_emulator.oss import state
from fujie_emulator.oss.asked import XML, Action, Asked, tags_of_xml
from fujie_emulator.oss.errors import OssError, malformed_xml
from fujie_emulator.oss.xml import parsed

MOST_BUCKET_TAGS = 20


@dataclass(frozen=True)
class Setting:
    """One sub-resource: the name in RAM's actions, its document's root, and what a bucket without one answers."""

    name: str
    root: str
    missing: str = ""  # the error code, or
    usual: str = ""  # the inner XML of the document that then counts
    kept: bool = True
    deletable: bool = True


SETTINGS: dict[str, Setting] = {
    "cors": Setting("Cors", "CORSConfiguration", "NoSuchCORSConfiguration"),
    "website": Setting("Website", "WebsiteConfiguration", "NoSuchWebsiteConfiguration"),
    "lifecycle": Setting("Lifecycle", "LifecycleConfiguration", "NoSuchLifecycle"),
    "encryption": Setting("Encryption", "ServerSideEncryptionRule", "NoSuchServerSideEncryptionRule"),
    "logging": Setting("Logging", "BucketLoggingStatus"),
    "tagging": Setting("Tagging", "Tagging", usual="<TagSet></TagSet>"),
    "transferAcceleration": Setting(
        "TransferAcceleration",
        "TransferAccelerationConfiguration",
        "NoSuchTransferAccelerationConfiguration",
        deletable=False,
    ),
    "accessmonitor": Setting(
        "AccessMonitor", "AccessMonitorConfiguration", usual="<Status>Disabled</Status>", deletable=False
    ),
    "resourceGroup": Setting(
        "ResourceGroup",
        "BucketResourceGroupConfiguration",
        usual="<ResourceGroupId>rg-default</ResourceGroupId>",
        deletable=False,
    ),
    "requestPayment": Setting(
        "RequestPayment", "RequestPaymentConfiguration", usual="<Payer>BucketOwner</Payer>", kept=False
    ),
    "referer": Setting(
        "Referer",
        "RefererConfiguration",
        usual="<AllowEmptyReferer>true</AllowEmptyReferer><RefererList></RefererList>",
        kept=False,
    ),
    "versioning": Setting("Versioning", "VersioningConfiguration", kept=False),
    "policy": Setting("Policy", "", "NoSuchBucketPolicy", kept=False),
    "worm": Setting("Worm", "WormConfiguration", "NoSuchWORMConfiguration", kept=False),
    "replication": Setting("Replication", "ReplicationConfiguration", "NoSuchReplicationConfiguration", kept=False),
    "publicAccessBlock": Setting(
        "PublicAccessBlock",
        "PublicAccessBlockConfiguration",
        usual="<BlockPublicAccess>true</BlockPublicAccess>",
        kept=False,
    ),
}


def setting_actions() -> dict[tuple[str, str], tuple[str, Action]]:
    """Return the actions on settings by method and sub-resource."""
    actions: dict[tuple[str, str], tuple[str, Action]] = {}
    for subresource, setting in SETTINGS.items():
        actions["GET", subresource] = (f"GetBucket{setting.name}", _reader(subresource, setting))
        if setting.kept:
            actions["PUT", subresource] = (f"PutBucket{setting.name}", _writer(subresource, setting))
        if setting.kept and setting.deletable:
            actions["DELETE", subresource] = (f"DeleteBucket{setting.name}", _remover(subresource, setting))
    return actions


def _reader(subresource: str, setting: Setting) -> Action:
    async def read(asked: Asked) -> Response:
        asked.authorize_bucket(f"GetBucket{setting.name}")
        text = state.setting(asked.cloud, asked.request.bucket, subresource)
        if text is None and setting.missing:
            words = f"The bucket has no {setting.name.lower()} configuration."
            raise OssError(setting.missing, 404, words, {"BucketName": asked.request.bucket})
        return Response(text or _document(setting.root, setting.usual), media_type=XML)

    return read


def _writer(subresource: str, setting: Setting) -> Action:
    async def write(asked: Asked) -> Response:
        asked.authorize_bucket(f"PutBucket{setting.name}")
        body = await asked.body()
        root = parsed(body)
        if root.tag != setting.root:
            raise malformed_xml(f"{setting.root} is right")
        if subresource == "tagging":
            tags_of_xml(root, MOST_BUCKET_TAGS)
        state.put_setting(asked.cloud, asked.request.bucket, subresource, body.decode(errors="replace"))
        return Response()

    return write


def _remover(subresource: str, setting: Setting) -> Action:
    async def remove(asked: Asked) -> Response:
        asked.authorize_bucket(f"DeleteBucket{setting.name}")
        state.delete_setting(asked.cloud, asked.request.bucket, subresource)
        return Response(status_code=204)

    return remove


def _document(root: str, inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{inner}</{root}>'
