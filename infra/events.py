"""What calls `tool` beside requests, as data: triggers for the event sources that tools declare, and how events end.

Nothing of it is there when no tool declares a source.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fujie.errors import SettingsError
from fujie.tools.declaration import Tool
from fujie.tools.sources import ObjectCreated, QueueMessage, Schedule, Source, trigger_name
from infra.config import StackConfig

MOST_OBJECT_TRIGGERS = 10
"""Of one bucket (fc.md 1.2)."""
KEPT_S = 604_800
"""As long as Message Service keeps a message: a week, so that a weekend loses none."""
MOST_RECEIVED = 16
"""How often a message is handed out before it is put away, of 1 to 1,000: more often than an event is tried."""


@dataclass(frozen=True)
class Trigger:
    """A trigger of the function `tool`; `config` is Function Compute's own document (fc.md 2.1)."""

    name: str
    type: Literal["oss", "timer", "eventbridge"]
    config: Mapping[str, Any]
    bucket: str = ""
    """Whose objects it tells of."""
    role: str = ""
    """As whom the object store invokes the function."""


@dataclass(frozen=True)
class Queue:
    """A queue of Message Service that is the stack's own.

    `dead_letters` names the queue that gets what was received from it MOST_RECEIVED times and never handled.
    """

    name: str
    dead_letters: str = ""


@dataclass(frozen=True)
class Asynchronous:
    """How often and how long (seconds) the platform tries what nobody waits for, and where it puts what failed."""

    retries: int = 3
    age_s: int = 86_400
    dead_letters: str = ""
    """Name of the queue; empty drops it."""
    tasks: bool = False
    """Whether the course of each can be asked for."""


def asynchronous_events(dead_letters: str) -> Asynchronous:
    """Return how events are tried: as often as the platform can, since a repetition waits for whoever is at it."""
    return Asynchronous(retries=8, dead_letters=dead_letters)


def called_by_events(tools: Iterable[Tool]) -> tuple[Tool, ...]:
    """Return the tools that events call."""
    return tuple(tool for tool in tools if tool.on)


def queues_read(tools: Iterable[Tool]) -> tuple[str, ...]:
    """Return the queues that tools read, by the names that they have there."""
    sources = (source for tool in called_by_events(tools) for source in tool.on)
    return tuple(dict.fromkeys(source.queue for source in sources if isinstance(source, QueueMessage)))


def queues_of(config: StackConfig, tools: Iterable[Tool], dead_letters: str) -> tuple[Queue, ...]:
    """Return the queues that the stack makes: where events end, and those that tools read and nobody else has made."""
    own = (Queue(config.queue_name(queue), dead_letters) for queue in queues_read(tools) if queue not in config.queues)
    return (Queue(dead_letters), *own) if called_by_events(tools) else ()


def triggers_of(
    config: StackConfig, tools: Iterable[Tool], *, object_role: str, dead_letters: str
) -> tuple[Trigger, ...]:
    """Return the triggers that these tools' sources need.

    Raises SettingsError when the bucket would have more than it may.
    """
    found = tuple(_trigger(config, name, source, object_role, dead_letters) for name, source in _needed(tools))
    if sum(trigger.type == "oss" for trigger in found) > MOST_OBJECT_TRIGGERS:
        raise SettingsError(
            f"the tools wait for objects in more than {MOST_OBJECT_TRIGGERS} places, which is what a bucket may tell",
            repair="let tools share a prefix: ObjectCreated('in/') tells of all that is below it",
        )
    return found


def _needed(tools: Iterable[Tool]) -> Iterator[tuple[str, Source]]:
    """Yield sources with their triggers' names: one for what several tools wait for, since each event calls them all.

    Two readers of a queue would share its messages, and the object store refuses a second trigger for the same
    objects. Only a timer tells nothing but its trigger's name, so each has its own.
    """
    named = [(trigger_name(tool.name, index), source) for tool in tools for index, source in enumerate(tool.on)]
    told: set[Source] = set()
    for name, source in named:
        if isinstance(source, Schedule) or not (source in told or _is_covered(source, named)):
            told.add(source)
            yield name, source


def _is_covered(source: Source, named: Sequence[tuple[str, Source]]) -> bool:
    """Say whether another source tells of more objects, these among them."""
    return isinstance(source, ObjectCreated) and any(
        other != source and source.prefix.startswith(other.prefix) and source.suffix.endswith(other.suffix)
        for _, other in named
        if isinstance(other, ObjectCreated)
    )


def _trigger(config: StackConfig, name: str, source: Source, object_role: str, dead_letters: str) -> Trigger:
    if isinstance(source, Schedule):
        return Trigger(name, "timer", {"cronExpression": source.cron, "enable": True, "payload": source.payload})
    if isinstance(source, QueueMessage):
        return Trigger(name, "eventbridge", _reading(config, config.queue_name(source.queue), dead_letters))
    wanted = {"prefix": source.prefix, "suffix": source.suffix}
    return Trigger(
        name,
        "oss",
        {"events": ["oss:ObjectCreated:*"], "filter": {"key": wanted}},
        bucket=config.bucket,
        role=object_role,
    )


def _reading(config: StackConfig, queue: str, dead_letters: str) -> dict[str, Any]:
    """Return what has the event bus read a queue, one message at a time; what it cannot hand over is not lost, either.

    Message Service's own clients send bodies in base64, so they are decoded; whether the invocation is asynchronous is
    left as it is by default (fc.md 2.1: the documents contradict each other).
    """
    source = {"RegionId": config.region, "QueueName": queue, "IsBase64Decode": True}
    return {
        "triggerEnable": True,
        "eventRuleFilterPattern": "{}",
        "eventSourceConfig": {
            "eventSourceType": "MNS",
            "eventSourceParameters": {"sourceMNSParameters": source},
        },
        "runOptions": {
            "mode": "event-driven",
            "errorsTolerance": "ALL",
            "retryStrategy": {"PushRetryStrategy": "EXPONENTIAL_DECAY_RETRY"},
            "deadLetterQueue": {"Arn": config.queue_arn(dead_letters)},
        },
    }
