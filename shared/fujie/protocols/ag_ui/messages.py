"""AG-UI's messages as those of the one internal request."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system", "tool": "tool"}
"""Theirs to ours. `activity` and `reasoning` are what a client shows, and of no use to an agent."""
Part = dict[str, Any]


class Source(msgspec.Struct, rename="camel"):
    type: str
    value: str
    mime_type: str | None = None

    def address(self) -> str:
        """Return where the bytes are; inline data becomes an address that holds them."""
        return f"data:{self.mime_type or ''};base64,{self.value}" if self.type == "data" else self.value


class ContentPart(msgspec.Struct):
    type: str
    text: str | None = None
    source: Source | None = None
    metadata: Any = None

    def ours(self) -> Part | None:
        """Return the part, or None for a kind that we do not know."""
        if self.type == "text":
            return None if self.text is None else {"type": "text", "text": self.text}
        if self.source is None or self.source.type not in {"data", "url", "file"}:
            return None
        return _media(self.type, self.source, self.metadata)


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _ToolCall(msgspec.Struct):
    id: str
    function: _Function


class Message(msgspec.Struct, rename="camel"):
    role: str
    id: str
    content: str | list[ContentPart] | dict[str, Any] | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None

    def is_known(self) -> bool:
        return self.role in ROLES

    def parts(self) -> list[Part]:
        if isinstance(self.content, str):
            return [{"type": "text", "text": self.content}]
        content = self.content if isinstance(self.content, list) else []
        return [part for item in content if (part := item.ours()) is not None]


def our_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the messages as AgentScope's, a call and its result each as one of its own."""
    names = {call.id: call.function.name for message in messages for call in message.tool_calls or ()}
    return [ours for message in messages for ours in _ours(message, names)]


def _ours(message: Message, names: dict[str, str]) -> Iterator[dict[str, Any]]:
    parts = message.parts()
    if message.role == "tool":
        id_ = message.tool_call_id or ""
        output = "".join(part["text"] for part in parts if part["type"] == "text")
        result = {"call_id": id_, "name": names.get(id_, ""), "output": output}
        yield _of_kind("plugin_call_output", "tool", [{"type": "data", "data": result}])
        return
    if parts or not message.tool_calls:
        yield _of_kind("message", ROLES[message.role], parts)
    for call in message.tool_calls or ():
        made = {"call_id": call.id, "name": call.function.name, "arguments": call.function.arguments}
        yield _of_kind("plugin_call", "assistant", [{"type": "data", "data": made}])


def _of_kind(kind: str, role: str, content: list[Part]) -> dict[str, Any]:
    return {"type": kind, "role": role, "content": content}


def _media(kind: str, source: Source, metadata: Any) -> Part | None:
    if kind == "image" and source.type != "file":
        return {"type": "image", "image_url": source.address()}
    if kind == "video" and source.type != "file":
        return {"type": "video", "video_url": source.address()}
    if kind == "audio" and source.type == "data":
        return {"type": "audio", "data": source.value, "format": (source.mime_type or "").rpartition("/")[2] or "wav"}
    return _file(source, metadata) if kind in {"image", "audio", "video", "document"} else None


def _file(source: Source, metadata: Any) -> Part:
    key = {"data": "file_data", "url": "file_url", "file": "file_id"}[source.type]
    part: Part = {"type": "file", key: source.value}
    name = metadata.get("filename") if isinstance(metadata, dict) else None
    return part | {"filename": name} if isinstance(name, str) else part
