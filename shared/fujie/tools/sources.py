"""What may call a tool beside a model: an object that was put, a timer, a message. Declared with `@tool(on=[...])`.

Nobody is signed in then: such a tool acts as the workload itself, or not at all. Its arguments come from the event, by
name, and what it does happens once however often the event is delivered.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from fujie.fc.events import Event, MessageEvent, ObjectEvent, TimerEvent


class ObjectCreated(Struct, frozen=True):
    """An object of the stack's bucket came to be; arguments `bucket`, `key`, `size` (bytes)."""

    prefix: str = ""
    suffix: str = ""

    arguments = ("bucket", "key", "size")


class Schedule(Struct, frozen=True):
    """A moment came; `cron` has six fields, seconds first, in UTC (`0 0 8 * * *`); arguments `payload`, `at`."""

    cron: str
    payload: str = ""

    arguments = ("payload", "at")


class QueueMessage(Struct, frozen=True):
    """A message was sent to a queue of Message Service; arguments `body`, `queue`."""

    queue: str

    arguments = ("body", "queue")


Source = ObjectCreated | Schedule | QueueMessage


def trigger_name(tool: str, index: int) -> str:
    """Return the name of the trigger that a tool's source has in a stack; a timer's event tells no more than that."""
    return f"{tool}-{index}"


def is_called_by(tool: str, sources: Sequence[Source], event: Event, bucket: str) -> bool:
    """Say whether one of the tool's sources means this event."""
    return any(_means(source, trigger_name(tool, index), event, bucket) for index, source in enumerate(sources))


def arguments_of(event: Event, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the event says of the arguments that the tool takes (`wanted` are the schema's properties)."""
    return {name: getattr(event, name) for name in wanted if hasattr(event, name)}


def _means(source: Source, trigger: str, event: Event, bucket: str) -> bool:
    if isinstance(source, ObjectCreated) and isinstance(event, ObjectEvent):
        named = event.key.startswith(source.prefix) and event.key.endswith(source.suffix)
        return event.bucket == bucket and event.name.startswith("ObjectCreated:") and named
    if isinstance(source, Schedule) and isinstance(event, TimerEvent):
        return event.trigger == trigger
    return isinstance(source, QueueMessage) and isinstance(event, MessageEvent) and event.queue == source.queue
