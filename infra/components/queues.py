"""The stack's own queues: where events end that no tool could handle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_alicloud as alicloud
from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.config import StackConfig
from infra.events import Queue

KEPT_S = 604_800
"""As long as Message Service keeps a message: a week, so that a weekend loses none."""


@dataclass(frozen=True)
class QueuesArgs:
    """The queues, where they are, and the tags that say whose they are."""

    queues: Sequence[Queue]
    config: StackConfig
    tags: Mapping[str, str]


class Queues(Part):
    """The queues; `arns` maps a queue's name to its ARN once it is there."""

    def __init__(self, name: str, args: QueuesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.arns: dict[str, Output[str]] = {
            queue.name: alicloud.message.ServiceQueue(
                queue.name,
                queue_name=queue.name,
                message_retention_period=KEPT_S,
                tags=args.tags,
                opts=self.inside(),
            ).queue_name.apply(args.config.queue_arn)
            for queue in args.queues
        }
        self.register_outputs({"arns": self.arns})
