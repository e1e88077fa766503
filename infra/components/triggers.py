"""What calls `tool` beside requests: a trigger for each event source that tools declare."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_alicloud as alicloud
from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.config import StackConfig
from infra.events import Trigger


@dataclass(frozen=True)
class TriggersArgs:
    """The triggers, the function's name in the account, and what they name, once it is there."""

    triggers: Sequence[Trigger]
    config: StackConfig
    function: Output[str]
    buckets: Mapping[str, Output[str]]
    role_arns: Mapping[str, Output[str]]


class Triggers(Part):
    """The triggers of `tool`."""

    def __init__(self, name: str, args: TriggersArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        for trigger in args.triggers:
            alicloud.fc.V3Trigger(
                f"on-{trigger.name}",
                function_name=args.function,
                qualifier="LATEST",
                trigger_name=trigger.name,
                trigger_type=trigger.type,
                trigger_config=json.dumps(trigger.config, ensure_ascii=False),
                source_arn=args.buckets[trigger.bucket].apply(args.config.bucket_arn) if trigger.bucket else None,
                invocation_role=args.role_arns[trigger.role] if trigger.role else None,
                opts=self.inside(),
            )
        self.register_outputs({})
