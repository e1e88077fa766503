"""The stack's own queues: those that tools read, and where events end that no tool could handle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_alicloud as alicloud
from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.config import StackConfig
from infra.events import MOST_RECEIVED, Queue

KEPT_S = 604_800
"""As long as Message Service keeps a message: a week, so that a weekend loses none."""


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
                queue_name=queue.name,
                message_retention_period=KEPT_S,
                dlq_policy=self._letters(queue),
                tags=args.tags,
                opts=ResourceOptions.merge(self.inside(), kept),
            ).queue_name.apply(args.config.queue_arn)
        self.register_outputs({"arns": self.arns})

    def _letters(self, queue: Queue) -> alicloud.message.ServiceQueueDlqPolicyArgs | None:
        if not queue.dead_letters:
            return None
        return alicloud.message.ServiceQueueDlqPolicyArgs(
            enabled=True, dead_letter_target_queue=self.arns[queue.dead_letters], max_receive_count=MOST_RECEIVED
        )
