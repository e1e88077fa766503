"""The input of a request as turns, the same for every framework: who speaks, what was called, what came of it."""

import json
import mimetypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from fujie.protocols.agentscope.request import (
    AgentRequest,
    AudioPart,
    DataPart,
    FilePart,
    ImagePart,
    InputMessage,
    RefusalPart,
    TextPart,
    VideoPart,
)
from fujie.protocols.events import value_of

Role = Literal["user", "system", "assistant"]
Media = Literal["image", "audio", "video", "file"]

CALLS = frozenset({"plugin_call", "function_call", "mcp_call", "component_call"})
OUTPUTS = frozenset({"plugin_call_output", "function_call_output", "mcp_call_output", "component_call_output"})
_ROLES: dict[str | None, Role] = {"user": "user", "system": "system"}


@dataclass(frozen=True, slots=True)
class Attachment:
    """An image, a sound, a film or a file: by address, or as base64 `data`."""

    kind: Media
    url: str = ""
    data: str = ""
    media_type: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that was made; `arguments` is JSON text."""

    call_id: str
    name: str
    arguments: str

    def arguments_object(self) -> dict[str, Any]:
        """Return the arguments; those that are no object are none."""
        value = value_of(self.arguments)
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Output:
    """What a call gave; `text` is what the model sees."""

    call_id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says at once. Calls, outputs and thoughts are the assistant's."""

    role: Role
    parts: tuple[str | Attachment, ...] = ()
    thoughts: str = ""
    calls: tuple[Call, ...] = ()
    outputs: tuple[Output, ...] = ()
    id: str = ""
    name: str = ""
    """The speaker's name, where the client kept that of an earlier answer."""

    @property
    def text(self) -> str:
        """What is said in words, one part a line."""
        return "\n".join(part for part in self.parts if isinstance(part, str))

    def joined(self, other: "Turn") -> "Turn":
        """Return both as one; the first one's id and name stay."""
        return replace(
            self,
            parts=self.parts + other.parts,
            thoughts=self.thoughts + other.thoughts,
            calls=self.calls + other.calls,
            outputs=self.outputs + other.outputs,
        )


def turns(request: AgentRequest) -> list[Turn]:
    """Return a turn for each message that says anything.

    A call without its output, or the reverse, is left out: it was cut off, and no model takes it.
    """
    said = [_turn(message) for message in request.input]
    paired = {call.call_id for turn in said for call in turn.calls} & {
        output.call_id for turn in said for output in turn.outputs
    }
    kept = [
        replace(
            turn,
            calls=tuple(call for call in turn.calls if call.call_id in paired),
            outputs=tuple(output for output in turn.outputs if output.call_id in paired),
        )
        for turn in said
    ]
    return [turn for turn in kept if turn.parts or turn.thoughts or turn.calls or turn.outputs]


def answers_joined(said: Iterable[Turn]) -> list[Turn]:
    """Join what the assistant said, thought and called up to the outputs: models want that as one message."""
    joined: list[Turn] = []
    for turn in said:
        before = joined[-1] if joined else None
        if before is not None and before.role == turn.role == "assistant" and _goes_on(before, turn):
            joined[-1] = before.joined(turn)
        else:
            joined.append(turn)
    return joined


def _goes_on(before: Turn, turn: Turn) -> bool:
    return bool(turn.outputs) if before.outputs else not turn.outputs


def _turn(message: InputMessage) -> Turn:
    metadata = message.metadata or {}
    turn = Turn(
        role=_ROLES.get(message.role, "assistant"),
        id=str(metadata.get("original_id") or message.id or ""),
        name=str(metadata.get("original_name") or ""),
    )
    parts = message.content or []
    if message.type in CALLS:
        return replace(turn, role="assistant", calls=tuple(_calls(parts)))
    if message.type in OUTPUTS:
        return replace(turn, role="assistant", outputs=tuple(_outputs(parts)))
    if message.type == "reasoning":
        return replace(turn, role="assistant", thoughts="".join(_words(parts)))
    return replace(turn, parts=tuple(said for part in parts if (said := _said(part))))


def _calls(parts: Iterable[Any]) -> Iterable[Call]:
    for data in _objects(parts):
        yield Call(data["call_id"], str(data.get("name") or ""), _as_text(data.get("arguments")) or "{}")


def _outputs(parts: Iterable[Any]) -> Iterable[Output]:
    for data in _objects(parts):
        yield Output(data["call_id"], str(data.get("name") or ""), _spoken(data.get("output")))


def _objects(parts: Iterable[Any]) -> Iterable[dict[str, Any]]:
    for part in parts:
        if isinstance(part, DataPart) and isinstance((part.data or {}).get("call_id"), str):
            yield part.data or {}


def _spoken(output: Any) -> str:
    """Return an output's text: AgentScope writes outputs as a list of blocks."""
    blocks = value_of(output) if isinstance(output, str) else output
    if isinstance(blocks, list) and blocks and all(_is_text_block(block) for block in blocks):
        return "\n".join(block["text"] for block in blocks)
    return _as_text(output)


def _is_text_block(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str)


def _as_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _words(parts: Iterable[Any]) -> Iterable[str]:
    return (part.text for part in parts if isinstance(part, TextPart) and part.text)


def _said(part: Any) -> str | Attachment | None:  # noqa: PLR0911 - one arm per kind of part
    match part:
        case TextPart():
            return part.text
        case RefusalPart():
            return part.refusal
        case DataPart():
            return json.dumps(part.data, ensure_ascii=False) if part.data else None
        case ImagePart():
            return _attached("image", part.image_url)
        case VideoPart():
            return _attached("video", part.video_url)
        case AudioPart():
            return _attached("audio", part.data, media_type=f"audio/{part.format or 'wav'}")
        case FilePart():
            return _attached("file", part.file_url or part.file_data, name=part.filename or "")
    return None


def _attached(kind: Media, address: str | None, *, media_type: str = "", name: str = "") -> Attachment | None:
    if not address:
        return None
    if address.startswith("data:") and ";base64," in address:
        head, _, data = address.partition(";base64,")
        return Attachment(kind, data=data, media_type=head[5:].partition(";")[0], name=name)
    if address.startswith(("https://", "http://")):
        return Attachment(kind, url=address, name=name)
    return Attachment(kind, data=address, media_type=media_type or "application/octet-stream", name=name)


def ends_with_a_question(said: Sequence[Turn]) -> bool:
    """Does the input end with something to answer: a word of the user's, or what a tool gave?"""
    return bool(said) and (said[-1].role != "assistant" or bool(said[-1].outputs))


def media_type_of(part: Attachment) -> str:
    """Return what was said of its type, or what its name tells, or a guess by its kind."""
    usual = {"image": "image/jpeg", "audio": "audio/wav", "video": "video/mp4", "file": "application/octet-stream"}
    return part.media_type or mimetypes.guess_type(part.name or part.url)[0] or usual[part.kind]
