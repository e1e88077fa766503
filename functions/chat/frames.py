"""Single frames of an event stream, each with the number by which readers resume."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of the stream."""

    sequence_number: int
    text: str
    """The event as JSON text."""

    @property
    def encoded(self) -> bytes:
        return f"data: {self.text}\n\n".encode()

    def decoded(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.text)
        return event


def settled(frames: list[Frame]) -> list[dict[str, Any]]:
    """Return the events of a past stream without the deltas of texts that are complete: the whole text follows them."""
    events = [frame.decoded() for frame in frames]
    complete = {event["msg_id"] for event in events if _is_content(event) and event["status"] != "in_progress"}
    return [event for event in events if not _superseded(event, complete)]


def _is_content(event: dict[str, Any]) -> bool:
    return event.get("object") == "content"


def _superseded(event: dict[str, Any], complete: set[str]) -> bool:
    return _is_content(event) and event["status"] == "in_progress" and event["msg_id"] in complete
