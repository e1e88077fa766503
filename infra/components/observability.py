"""Where the functions' logs go: a project and store of the log service, searchable, kept for a while."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_alicloud as alicloud
from pulumi import Output, ResourceOptions

from infra.components.component import Part

_SEPARATORS = ", '\";=()[]{}?@&<>/:\n\t\r"


@dataclass(frozen=True)
class ObservabilityArgs:
    """The project's name, unique in the region; how long logs are kept (days); the tags that say whose they are."""

    project: str
    retention_days: int
    tags: Mapping[str, str]


class Observability(Part):
    """The log store; `logs` is what a function's `log_config` says."""

    def __init__(self, name: str, args: ObservabilityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        project = alicloud.log.Project(
            args.project, project_name=args.project, description="Fujie", tags=args.tags, opts=self.inside()
        )
        store = alicloud.log.Store(
            "functions",
            project_name=project.project_name,
            logstore_name="functions",
            retention_period=args.retention_days,
            shard_count=1,
            opts=self.inside(),
        )
        index = alicloud.log.StoreIndex(
            "functions",
            project=project.project_name,
            logstore=store.logstore_name,
            full_text={"case_sensitive": False, "token": _SEPARATORS},
            opts=self.inside(),
        )
        indexed: Output[str] = Output.all(store.logstore_name, index.id).apply(lambda both: str(both[0]))
        self.logs = alicloud.fc.V3FunctionLogConfigArgs(
            project=project.project_name, logstore=indexed, log_begin_rule="None", enable_request_metrics=True
        )
        self.register_outputs({"project": project.project_name})
