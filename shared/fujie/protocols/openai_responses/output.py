"""A Response's output as it grows: which items there are, and which of them are still open."""

from collections.abc import Iterator

from fujie.protocols.events import ToolCalled, ToolCalling, ToolReturned
from fujie.protocols.openai_responses.items import Call, CallOutput, Event, Json, Speech, SpeechKind, Status


class Output:
    """Each method takes in what happened and yields the events that say so.

    Items are numbered in the order in which they begin. No two have one id, whatever the agent called them: readers
    tell them apart by it, and some models use a call id again at each step.
    """

    def __init__(self) -> None:
        self._items: list[Speech | Call | CallOutput] = []
        self._speeches: dict[tuple[SpeechKind, str], Speech] = {}
        self._calls: dict[str, Call] = {}
        """By message id, while they are open."""
        self._call_ids: dict[str, str] = {}
        """The agent's call id -> the one of its newest call here."""
        self._used: set[str] = set()

    def seen(self) -> list[Json]:
        """Return every item as it stands."""
        return [item.seen() for item in self._items]

    def call_id(self, agents: str) -> str:
        """Return the id that a call has here."""
        return self._call_ids.get(agents, agents)

    def begin_speech(self, kind: SpeechKind, message_id: str) -> Iterator[Event]:
        """Begin a message or the reasoning, unless it has begun."""
        if (kind, message_id) not in self._speeches:
            speech = Speech(len(self._items), self._unique(message_id), kind)
            self._speeches[kind, message_id] = speech
            self._items.append(speech)
            yield from speech.begin()

    def say(self, kind: SpeechKind, message_id: str, text: str) -> Iterator[Event]:
        """Add text to a message or the reasoning."""
        yield from self.begin_speech(kind, message_id)
        yield from self._speeches[kind, message_id].add(text)

    def end_speech(self, kind: SpeechKind, message_id: str, status: Status = "completed") -> Iterator[Event]:
        """End a message or the reasoning, if it is open."""
        if speech := self._speeches.pop((kind, message_id), None):
            yield from speech.end(status)

    def message(self, message_id: str, text: str, fujie: Json | None = None) -> Iterator[Event]:
        """Add a message that is whole at once."""
        speech = Speech(len(self._items), self._unique(message_id), "output_text", fujie or {})
        self._items.append(speech)
        yield from speech.begin()
        yield from speech.add(text)
        yield from speech.end("completed")

    def calling(self, event: ToolCalling | ToolCalled) -> Iterator[Event]:
        """Begin a call, or note how far it is."""
        call = self._calls.get(event.message_id)
        if call is None:
            call_id = self._call_ids[event.call_id] = self._unique(event.call_id)
            call = Call(len(self._items), self._unique(event.message_id), call_id, event.name)
            self._calls[event.message_id] = call
            self._items.append(call)
            yield from call.begin()
        call.arguments = event.arguments

    def called(self, event: ToolCalled) -> Iterator[Event]:
        """End a call: its arguments are whole."""
        yield from self.calling(event)
        yield from self._calls.pop(event.message_id).end("completed")

    def returned(self, event: ToolReturned) -> Iterator[Event]:
        """Add what a call gave."""
        item = CallOutput(len(self._items), self._unique(event.message_id), self.call_id(event.call_id), event)
        self._items.append(item)
        yield from item.begin()
        yield from item.end()

    def close(self, status: Status) -> Iterator[Event]:
        """End whatever is open."""
        for kind, message_id in list(self._speeches):
            yield from self.end_speech(kind, message_id, status)
        for message_id in list(self._calls):
            yield from self._calls.pop(message_id).end(status)

    def _unique(self, wanted: str) -> str:
        unique, count = wanted, 1
        while unique in self._used:
            count += 1
            unique = f"{wanted}_{count}"
        self._used.add(unique)
        return unique
