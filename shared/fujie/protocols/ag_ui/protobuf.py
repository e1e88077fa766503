"""AG-UI's binary binding: each event a protobuf message behind its length, four bytes big-endian.

The numbers are the specification's wire freeze; what stands here are the events that we send. Fields with `?` are told
when they are there, others when they are not empty, as proto3 does.
"""

import re
import struct
from collections.abc import Iterator
from typing import Any

from fujie.protocols.ag_ui.calls import Json
from fujie.protocols.agentscope.words import clean

MEDIA_TYPE = "application/vnd.ag-ui.event+proto"
Field = tuple[int, str, str]
"""Number, name in JSON, kind: `string`, `string?`, `int?`, `value`, `object?`, `strings`, or a message of SHAPES."""

_ID: Field = (2, "messageId", "string")
_THOUGHT: Field = (3, "messageId", "string")
_CALL: Field = (2, "toolCallId", "string")
EVENTS: dict[str, tuple[int, int, tuple[Field, ...]]] = {
    "TEXT_MESSAGE_START": (1, 0, (_ID, (3, "role", "string?"))),
    "TEXT_MESSAGE_CONTENT": (2, 1, (_ID, (3, "delta", "string"))),
    "TEXT_MESSAGE_END": (3, 2, (_ID,)),
    "TOOL_CALL_START": (4, 3, (_CALL, (3, "toolCallName", "string"), (4, "parentMessageId", "string?"))),
    "TOOL_CALL_ARGS": (5, 4, (_CALL, (3, "delta", "string"))),
    "TOOL_CALL_END": (6, 5, (_CALL,)),
    "STATE_SNAPSHOT": (7, 6, ((2, "snapshot", "value"),)),
    "STATE_DELTA": (8, 7, ((2, "delta", "Operation"),)),
    "MESSAGES_SNAPSHOT": (9, 8, ((2, "messages", "Message"),)),
    "CUSTOM": (11, 10, ((2, "name", "string"), (3, "value", "value"))),
    "RUN_STARTED": (
        12,
        11,
        (
            (2, "threadId", "string"),
            (3, "runId", "string"),
            (4, "parentRunId", "string?"),
            (6, "protocolVersion", "string?"),
        ),
    ),
    "RUN_FINISHED": (
        13,
        12,
        (
            (2, "threadId", "string"),
            (3, "runId", "string"),
            (5, "outcome", "string"),
            (6, "interrupts", "Interrupt"),
            (7, "usage", "Usage"),
            (8, "pendingToolCallIds", "strings"),
        ),
    ),
    "RUN_ERROR": (14, 13, ((2, "code", "string?"), (3, "message", "string"))),
    "TOOL_CALL_RESULT": (
        22,
        21,
        (_THOUGHT, (4, "toolCallId", "string"), (5, "content", "string?"), (6, "role", "string?")),
    ),
    "REASONING_START": (25, 24, (_THOUGHT,)),
    "REASONING_MESSAGE_START": (26, 25, (_THOUGHT, (4, "role", "string"))),
    "REASONING_MESSAGE_CONTENT": (27, 26, (_THOUGHT, (4, "delta", "string"))),
    "REASONING_MESSAGE_END": (28, 27, (_THOUGHT,)),
    "REASONING_END": (30, 29, (_THOUGHT,)),
}
"""By type: the arm of the envelope, the number of the type, and the event's own fields."""

_PART: tuple[Field, ...] = ((1, "source", "Source"), (2, "metadata", "value?"), (3, "id", "string?"))
SHAPES: dict[str, tuple[Field, ...]] = {
    "Operation": ((1, "op", "op"), (2, "path", "string"), (3, "from", "string?"), (4, "value", "value?")),
    "Interrupt": (
        (1, "id", "string"),
        (2, "reason", "string"),
        (3, "message", "string?"),
        (4, "toolCallId", "string?"),
        (5, "responseSchema", "value?"),
        (6, "expiresAt", "string?"),
        (7, "metadata", "value?"),
    ),
    "Usage": (
        (3, "inputTokens", "int?"),
        (4, "outputTokens", "int?"),
        (5, "totalTokens", "int?"),
        (6, "reasoningTokens", "int?"),
        (7, "cachedInputTokens", "int?"),
        (8, "cacheWriteInputTokens", "int?"),
    ),
    "Message": (
        (1, "id", "string"),
        (2, "role", "string"),
        (3, "content", "string?"),
        (4, "name", "string?"),
        (5, "toolCalls", "ToolCall"),
        (6, "toolCallId", "string?"),
        (7, "error", "string?"),
        (8, "contentParts", "Part"),
        (9, "metadata", "object?"),
        (11, "encryptedValue", "string?"),
        (12, "activityType", "string?"),
        (13, "activityContent", "object?"),
    ),
    "ToolCall": (
        (1, "id", "string"),
        (2, "type", "string"),
        (3, "function", "Function"),
        (4, "metadata", "object?"),
        (5, "encryptedValue", "string?"),
    ),
    "Function": ((1, "name", "string"), (2, "arguments", "string")),
    "Part": (
        (1, "text", "Text"),
        (2, "image", "Media"),
        (3, "audio", "Media"),
        (4, "video", "Media"),
        (5, "document", "Media"),
    ),
    "Text": ((1, "text", "string"), (2, "id", "string?"), (3, "metadata", "value?")),
    "Media": _PART,
    "Source": ((1, "data", "Data"), (2, "url", "Url"), (3, "file", "File")),
    "Data": ((1, "value", "string"), (2, "mimeType", "string")),
    "Url": ((1, "value", "string"), (2, "mimeType", "string?")),
    "File": ((1, "value", "string"), (2, "provider", "string?"), (3, "mimeType", "string?")),
}
_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")


def is_accepted(accept: str) -> bool:
    """Does an Accept header name this binding? A wildcard does not: who sends one by habit reads text.

    The specification says SHOULD of wildcards; `curl` and most HTTP libraries send them and know no protobuf.
    """
    for part in accept.lower().split(","):
        named, *parameters = (piece.strip() for piece in part.split(";"))
        if named == MEDIA_TYPE:
            return not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
    return False


def frame(event: Json) -> bytes:
    """Return an event behind its length."""
    arm, number, fields = EVENTS[event["type"]]
    base = (_varint(8) + _varint(number) if number else b"") + _field(4, "object?", event.get("metadata"))
    told = _bytes(arm, _bytes(1, base) + _message(fields, _flat(event)))
    return struct.pack(">I", len(told)) + told


def _flat(event: Json) -> Json:
    """Return the event with its unions taken apart, as the wire has them."""
    if event["type"] == "RUN_FINISHED":
        outcome = event.get("outcome", {})
        return (
            event | {key: value for key, value in outcome.items() if key != "type"} | {"outcome": outcome.get("type")}
        )
    if event["type"] == "MESSAGES_SNAPSHOT":
        return event | {"messages": [_flat_message(message) for message in event["messages"]]}
    return event


def _flat_message(message: Json) -> Json:
    content = message.get("content")
    if isinstance(content, dict):
        return {key: value for key, value in message.items() if key != "content"} | {"activityContent": content}
    if isinstance(content, list):
        parts = [_flat_part(part) for part in content]
        return {key: value for key, value in message.items() if key != "content"} | {"contentParts": parts}
    return message


def _flat_part(part: Json) -> Json:
    source = part.get("source")
    told = part | {"source": {source.get("type"): source}} if isinstance(source, dict) else part
    return {part.get("type", ""): told}


def _message(fields: tuple[Field, ...], value: Any) -> bytes:
    if not isinstance(value, dict):
        return b""
    return b"".join(_field(number, kind, value.get(name)) for number, name, kind in fields if name in value)


def _field(number: int, kind: str, value: Any) -> bytes:  # noqa: PLR0911 - one kind after the other
    if kind == "value" or (kind == "value?" and value is not None):
        return _bytes(number, _value(value))
    if value is None or (kind == "string" and value == ""):
        return b""
    if kind in {"string", "string?"}:
        return _bytes(number, clean(str(value)).encode())
    if kind == "int?":
        return _varint(number << 3) + _varint(value)
    if kind == "op":
        return _varint(number << 3) + _varint(_OPERATIONS.index(value)) if value != "add" else b""
    if kind == "object?":
        return _bytes(number, _object(value))
    if kind == "strings":
        return b"".join(_bytes(number, clean(item).encode()) for item in value)
    items = value if isinstance(value, list) else [value]
    return b"".join(_bytes(number, _message(SHAPES[kind], item)) for item in items)


def _value(value: Any) -> bytes:
    """Return a JSON value as a `google.protobuf.Value`."""
    if value is None:
        return b"\x08\x00"
    if isinstance(value, bool):
        return b"\x20\x01" if value else b"\x20\x00"
    if isinstance(value, int | float):
        return b"\x11" + struct.pack("<d", _double(value))
    if isinstance(value, str):
        return _bytes(3, clean(value).encode())
    if isinstance(value, dict):
        return _bytes(5, _object(value))
    return _bytes(6, b"".join(_bytes(1, _value(item)) for item in value))


def _object(value: Json) -> bytes:
    def entries() -> Iterator[bytes]:
        for key, item in value.items():
            yield _bytes(1, _field(1, "string", key) + _bytes(2, _value(item)))

    return b"".join(entries())


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _bytes(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    told = bytearray()
    while value > 0x7F:
        told.append(value & 0x7F | 0x80)
        value >>= 7
    told.append(value)
    return bytes(told)
