"""The stack's own queues: those that tools read, and where events end that no tool could handle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_alicloud as alicloud
from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.config import StackConfig
from infra.events import Queue
from infra.properties import queue as declared


@dataclass(frozen=True)
class QueuesArgs:
    """The queues, where they are, and the tags that say whose they are."""

    queues: Sequence[Queue]
    config: StackConfig
    tags: Mapping[str, str]
    protect: bool = False
    """Whether what waits in them outlives the stack."""


class Queues(Part):
    """The queues; `arns` maps a queue's name to its ARN once it is there."""

    def __init__(self, name: str, args: QueuesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        kept = ResourceOptions(protect=args.protect, retain_on_delete=args.protect)
        self.arns: dict[str, Output[str]] = {}
        for queue in args.queues:  # where letters end stands before those whose letters end there
            self.arns[queue.name] = alicloud.message.ServiceQueue(
                queue.name,
                tags=args.tags,
                opts=ResourceOptions.merge(self.inside(), kept),
                **declared(queue, self.arns.get(queue.dead_letters)),
            ).queue_name.apply(args.config.queue_arn)
        self.register_outputs({"arns": self.arns})
