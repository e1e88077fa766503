"""The events of Function Compute that are no HTTP requests: objects, timers, messages (fc.md 2.2), as values.

Each has an id that stays the same however often the platform delivers it, so that a repetition can be known.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from fujie.fc.errors import ForeignEventError

SPEC = "Function Compute 3.0 events of OSS 1.0, of timers, and CloudEvents 1.0 of Message Service queues"
MAX_EVENTS = 100
"""Of one delivery; the platform sends one object at a time."""
MAX_TEXT = 128 * 1024


class ObjectEvent(Struct, frozen=True):
    """Something happened to an object; `name` is `ObjectCreated:PutObject` and the like."""

    id: str
    name: str
    bucket: str
    key: str
    size: int


class TimerEvent(Struct, frozen=True):
    """A timer's tick; `at` is the moment it was due, as the platform writes it."""

    id: str
    trigger: str
    at: str
    payload: str


class MessageEvent(Struct, frozen=True):
    """A message that a queue's reader was given."""

    id: str
    queue: str
    body: str


Event = ObjectEvent | TimerEvent | MessageEvent


def events_from(document: Any) -> tuple[Event, ...]:
    """Return the events of one delivery; raises ForeignEventError when it is none of the three kinds."""
    try:
        if isinstance(document, list):
            return tuple(_message(each) for each in _limited(document))
        if "events" in document:
            return tuple(_object(each) for each in _limited(document["events"]))
        return (_timer(document) if "triggerTime" in document else _message(document),)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ForeignEventError("the event is neither an object's, nor a timer's, nor a message") from error


def _limited(found: Any) -> list[Any]:
    if not isinstance(found, list) or not 0 < len(found) <= MAX_EVENTS:
        raise ValueError
    return found


def _object(event: Mapping[str, Any]) -> ObjectEvent:
    held, bucket = event["oss"]["object"], _text(event["oss"]["bucket"]["name"])
    key, request_id = _text(held["key"]), _text(event["responseElements"]["requestId"])
    size = held.get("size", 0)
    if not isinstance(size, int):
        raise TypeError
    return ObjectEvent(f"oss:{bucket}:{request_id}:{key}", _text(event["eventName"]), bucket, key, size)


def _timer(event: Mapping[str, Any]) -> TimerEvent:
    trigger, at = _text(event["triggerName"]), _text(event["triggerTime"])
    payload = event.get("payload") or ""
    if not isinstance(payload, str):
        raise TypeError
    return TimerEvent(f"timer:{trigger}:{at}", trigger, at, payload)


def _message(event: Mapping[str, Any]) -> MessageEvent:
    queue = _text(event["subject"]).rpartition("/")[2]
    identity, data = _text(event["id"]), event["data"]
    body = data["messageBody"]
    if not isinstance(body, str):
        raise TypeError
    return MessageEvent(f"mns:{queue}:{identity}", queue, body)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise TypeError
    return value
