"""The items of a Response's output: what was said, thought, called and returned, each as it stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import to_builtins

from fujie.protocols.agentscope.words import clean
from fujie.protocols.events import ToolReturned

Json = dict[str, Any]
Status = Literal["in_progress", "completed", "incomplete"]
SpeechKind = Literal["output_text", "reasoning_text"]
Event = tuple[str, Json]
"""An event's type, without `response.`, and its fields besides type and sequence number."""


@dataclass(slots=True)
class Speech:
    """A message of the answer, or the model's reasoning: one part of text that grows."""

    index: int
    id: str
    kind: SpeechKind
    fujie: Json = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)
    status: Status = "in_progress"

    def begin(self) -> Iterator[Event]:
        """Yield the item without its part, and the part without its text."""
        yield "output_item.added", {"output_index": self.index, "item": self.seen() | {"content": []}}
        yield "content_part.added", self._place() | {"part": self._part()}

    def add(self, text: str) -> Iterator[Event]:
        """Yield a piece of the text."""
        piece = clean(text)
        if piece:
            self.pieces.append(piece)
            yield f"{self.kind}.delta", self._place() | {"delta": piece} | self._logprobs()

    def end(self, status: Status) -> Iterator[Event]:
        """Yield the whole text, part and item."""
        self.status = status
        yield f"{self.kind}.done", self._place() | {"text": "".join(self.pieces)} | self._logprobs()
        yield "content_part.done", self._place() | {"part": self._part()}
        yield "output_item.done", {"output_index": self.index, "item": self.seen()}

    def seen(self) -> Json:
        """Return a `message` or a `reasoning` item."""
        item: Json = {"id": self.id, "type": "reasoning", "status": self.status, "summary": []}
        if self.kind == "output_text":
            item = {"id": self.id, "type": "message", "status": self.status, "role": "assistant"}
        return item | {"content": [self._part()]} | ({"fujie": self.fujie} if self.fujie else {})

    def _place(self) -> Json:
        return {"item_id": self.id, "output_index": self.index, "content_index": 0}

    def _part(self) -> Json:
        part: Json = {"type": self.kind, "text": "".join(self.pieces)}
        return part | {"annotations": []} | self._logprobs() if self.kind == "output_text" else part

    def _logprobs(self) -> Json:
        return {"logprobs": []} if self.kind == "output_text" else {}


@dataclass(slots=True)
class Call:
    """A tool call. Its arguments are sent when they are whole: what was sent cannot be replaced."""

    index: int
    id: str
    call_id: str
    name: str
    arguments: str = ""
    status: Status = "in_progress"

    def begin(self) -> Iterator[Event]:
        """Yield the call without its arguments."""
        yield "output_item.added", {"output_index": self.index, "item": self.seen()}

    def end(self, status: Status) -> Iterator[Event]:
        """Yield the arguments, and the whole call."""
        self.status = status
        place = {"item_id": self.id, "output_index": self.index}
        if self.arguments:
            yield "function_call_arguments.delta", place | {"delta": self.arguments}
        yield "function_call_arguments.done", place | {"name": self.name, "arguments": self.arguments}
        yield "output_item.done", {"output_index": self.index, "item": self.seen()}

    def seen(self) -> Json:
        """Return a `function_call` item."""
        item = {"id": self.id, "type": "function_call", "status": self.status, "call_id": self.call_id}
        return item | {"name": self.name, "arguments": self.arguments}


@dataclass(slots=True)
class CallOutput:
    """What a call gave; whole from the start."""

    index: int
    id: str
    call_id: str
    returned: ToolReturned

    def begin(self) -> Iterator[Event]:
        """Yield the whole item."""
        yield "output_item.added", {"output_index": self.index, "item": self.seen()}

    def end(self) -> Iterator[Event]:
        """Yield the whole item once more."""
        yield "output_item.done", {"output_index": self.index, "item": self.seen()}

    def seen(self) -> Json:
        """Return a `function_call_output` item; how the call went, and with which credential, is ours."""
        returned = self.returned
        badge = to_builtins(returned.credential) if returned.credential else None
        return {
            "id": self.id,
            "type": "function_call_output",
            "status": "completed",
            "call_id": self.call_id,
            "name": returned.name,
            "output": returned.output,
            "fujie": {
                "ok": returned.ok,
                "duration_ms": returned.duration_ms,
                "error_code": returned.error_code,
                "credential": badge,
            },
        }
