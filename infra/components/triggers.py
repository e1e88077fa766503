"""What calls `tool` beside requests: a trigger for each event source that tools declare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_alicloud as alicloud
from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.config import StackConfig
from infra.events import Trigger
from infra.properties import trigger as declared


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
            source = args.buckets[trigger.bucket].apply(args.config.bucket_arn) if trigger.bucket else None
            role = args.role_arns[trigger.role] if trigger.role else None
            alicloud.fc.V3Trigger(
                f"on-{trigger.name}",
                function_name=args.function,
                qualifier="LATEST",
                opts=self.inside(),
                **declared(trigger, source, role),
            )
        self.register_outputs({})
