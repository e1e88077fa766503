"""Where users' objects live: private, encrypted at rest, and in prod not deleted with the stack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_alicloud as alicloud
from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.declaration import Bucket


@dataclass(frozen=True)
class StorageArgs:
    """The buckets, the tags that say whose they are, and whether what they hold outlives the stack."""

    buckets: Sequence[Bucket]
    tags: Mapping[str, str]
    protect: bool = False


class Storage(Part):
    """The buckets; `names` are theirs, once they are there."""

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        kept = ResourceOptions(protect=args.protect, retain_on_delete=args.protect)
        self.names: dict[str, Output[str]] = {
            bucket.name: alicloud.oss.Bucket(
                bucket.name,
                bucket=bucket.name,
                server_side_encryption_rule={"sse_algorithm": "AES256"},
                force_destroy=not args.protect,
                tags=args.tags,
                opts=ResourceOptions.merge(self.inside(), kept),
            ).bucket
            for bucket in args.buckets
        }
        self.register_outputs({"names": self.names})
