"""AG-UI's events as frames: server-sent events, or the binary binding's length-prefixed messages."""

from collections.abc import Iterable

from fujie.protocols.ag_ui.calls import Json
from fujie.protocols.ag_ui.events import Asked, Events
from fujie.protocols.ag_ui.protobuf import frame
from fujie.protocols.agentscope.words import compact, string
from fujie.protocols.events import RunEvent, TextDelta


class Encoder:
    """One stream: `data: <event>` and an empty line for each event, and nothing else."""

    def __init__(self, asked: Asked) -> None:
        self._events = Events(asked)

    def feed(self, event: RunEvent) -> str:
        """Return the frames of one event."""
        if type(event) is TextDelta and self._events.is_open(event.message_id):
            head = f'data: {{"type":"TEXT_MESSAGE_CONTENT","messageId":{string(event.message_id)}'
            return f'{head},"delta":{string(event.text)}}}\n\n'
        return _frames(self._events.feed(event))

    def end(self) -> str:
        """Return the frames that are due when no more events come."""
        return _frames(self._events.end())


class BinaryEncoder:
    """One stream of the binary binding. A frame is given as text in which each character is a byte (latin-1)."""

    def __init__(self, asked: Asked) -> None:
        self._events = Events(asked)

    def feed(self, event: RunEvent) -> str:
        """Return the frames of one event."""
        return _binary(self._events.feed(event))

    def end(self) -> str:
        """Return the frames that are due when no more events come."""
        return _binary(self._events.end())


def _binary(events: Iterable[Json]) -> str:
    return b"".join(map(frame, events)).decode("latin-1")


def _frames(events: Iterable[Json]) -> str:
    return "".join(f"data: {compact(event)}\n\n" for event in events)
