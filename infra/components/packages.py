"""The functions' code packages in a bucket of their own: another content is another key, the same content no change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_alicloud as alicloud
from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.packages.building import Package


@dataclass(frozen=True)
class PackagesArgs:
    """The bucket's name, the packages, and the tags that say whose they are."""

    bucket: str
    packages: Sequence[Package]
    tags: Mapping[str, str]


class Packages(Part):
    """The packages in the bucket; `code` maps a function to where its code lies."""

    def __init__(self, name: str, args: PackagesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        bucket = alicloud.oss.Bucket(
            args.bucket, bucket=args.bucket, force_destroy=True, tags=args.tags, opts=self.inside()
        )
        self.code: dict[str, alicloud.fc.V3FunctionCodeArgs] = {
            package.function: self._stored(bucket.bucket, package) for package in args.packages
        }
        self.register_outputs({"bucket": bucket.bucket})

    def _stored(self, bucket: Output[str], package: Package) -> alicloud.fc.V3FunctionCodeArgs:
        stored = alicloud.oss.BucketObject(
            f"code-{package.function}",
            bucket=bucket,
            key=package.object_key,
            source=str(package.path),
            content_type="application/zip",
            # Where the zip lay when it was made says nothing: its key holds its hash.
            opts=ResourceOptions.merge(self.inside(), ResourceOptions(ignore_changes=["source"])),
        )
        return alicloud.fc.V3FunctionCodeArgs(oss_bucket_name=stored.bucket, oss_object_name=stored.key)
