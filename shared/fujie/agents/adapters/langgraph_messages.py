"""The input of a request as LangChain's messages."""

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from fujie.agents.adapters.history import Attachment, Turn, answers_joined, media_type_of, turns
from fujie.protocols.agentscope.request import AgentRequest


def langchain_messages(request: AgentRequest) -> list[Any]:
    """Return a message for each turn; what the assistant said and called at once is one message."""
    words = import_module("langchain_core.messages")
    return [message for turn in answers_joined(turns(request)) for message in _messages(words, turn)]


def _messages(words: ModuleType, turn: Turn) -> Iterator[Any]:
    given: dict[str, Any] = {"id": turn.id} if turn.id else {}
    if turn.outputs:
        for output in turn.outputs:
            yield words.ToolMessage(output.text, tool_call_id=output.call_id, name=output.name or None)
    elif turn.role == "assistant":
        calls = [{"name": call.name, "args": call.arguments_object(), "id": call.call_id} for call in turn.calls]
        yield words.AIMessage(_content(turn), tool_calls=calls, **given | ({"name": turn.name} if turn.name else {}))
    elif turn.role == "system":
        yield words.SystemMessage(_content(turn), **given)
    else:
        yield words.HumanMessage(_content(turn), **given)


def _content(turn: Turn) -> str | list[dict[str, Any]]:
    """Return plain text where all is text: not every model takes blocks. What was thought is not told again."""
    if all(isinstance(part, str) for part in turn.parts):
        return turn.text
    return [{"type": "text", "text": part} if isinstance(part, str) else _media_block(part) for part in turn.parts]


def _media_block(part: Attachment) -> dict[str, Any]:
    name = {"filename": part.name} if part.name else {}
    if part.url:
        return {"type": part.kind, "url": part.url} | name
    return {"type": part.kind, "base64": part.data, "mime_type": media_type_of(part)} | name
