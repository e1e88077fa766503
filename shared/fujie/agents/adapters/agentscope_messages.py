"""The input of a request as AgentScope's Msg, for the version that is installed."""

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from fujie.agents.adapters.history import Attachment, Turn, media_type_of, turns
from fujie.protocols.agentscope.request import AgentRequest


def agentscope_messages(request: AgentRequest) -> list[Any]:
    """Return a Msg for each turn.

    1.x: tools' outputs come from the role `system`, as its agents say them, and messages that carry one
    `metadata.original_id` are one Msg. 2.x: its agents refuse tool calls, thoughts and system messages in their input,
    so these are told in words.
    """
    words = import_module("agentscope.message")
    said = turns(request)
    return _of_1(words, said) if hasattr(words, "ToolUseBlock") else _of_2(words, said)


def _of_1(words: ModuleType, said: list[Turn]) -> list[Any]:
    grouped: dict[object, Turn] = {}
    for index, turn in enumerate(said):
        key = turn.id or index
        grouped[key] = grouped[key].joined(turn) if key in grouped else turn
    return [_msg_of_1(words, turn) for turn in grouped.values()]


def _msg_of_1(words: ModuleType, turn: Turn) -> Any:
    role = "system" if turn.outputs and not turn.calls else turn.role
    message = words.Msg(name=turn.name or role, role=role, content=list(_blocks_of_1(turn)))
    message.id = turn.id or message.id
    return message


def _blocks_of_1(turn: Turn) -> Iterator[dict[str, Any]]:
    if turn.thoughts:
        yield {"type": "thinking", "thinking": turn.thoughts}
    for part in turn.parts:
        yield {"type": "text", "text": part} if isinstance(part, str) else _media_block(part)
    for call in turn.calls:
        yield {"type": "tool_use", "id": call.call_id, "name": call.name, "input": call.arguments_object()}
    for output in turn.outputs:
        blocks = [{"type": "text", "text": output.text}]
        yield {"type": "tool_result", "id": output.call_id, "name": output.name, "output": blocks}


def _media_block(part: Attachment) -> dict[str, Any]:
    source = (
        {"type": "url", "url": part.url}
        if part.url
        else {"type": "base64", "media_type": media_type_of(part), "data": part.data}
    )
    return {"type": part.kind, "source": source} | ({"filename": part.name} if part.name else {})


def _of_2(words: ModuleType, said: list[Turn]) -> list[Any]:
    return [_msg_of_2(words, turn) for turn in said if turn.parts or turn.calls or turn.outputs]


def _msg_of_2(words: ModuleType, turn: Turn) -> Any:
    role = "assistant" if turn.role == "assistant" else "user"
    given = {"id": turn.id} if turn.id else {}
    return words.Msg(name=turn.name or turn.role, role=role, content=list(_blocks_of_2(words, turn)), **given)


def _blocks_of_2(words: ModuleType, turn: Turn) -> Iterator[Any]:
    for part in turn.parts:
        yield words.TextBlock(text=part) if isinstance(part, str) else _data_block(words, part)
    for call in turn.calls:
        yield words.TextBlock(text=f"[I called the tool {call.name} with {call.arguments}]")
    for output in turn.outputs:
        yield words.TextBlock(text=f"[The tool {output.name} returned: {output.text}]")


def _data_block(words: ModuleType, part: Attachment) -> Any:
    media_type = media_type_of(part)
    source = (
        words.URLSource(url=part.url, media_type=media_type)
        if part.url
        else words.Base64Source(data=part.data, media_type=media_type)
    )
    return words.DataBlock(source=source, name=part.name or None)
