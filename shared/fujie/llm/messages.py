"""Pydantic AI's messages in the words of chat completions."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_ai.messages import (
    BinaryContent,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    RetryPromptPart,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)
from pydantic_ai.tools import ToolDefinition

from fujie.errors import InputError

TAGGED = "content"
"""The id of thoughts that a model wrote into its text, between tags."""
Message = dict[str, Any]


def wire_messages(instructions: Sequence[str], messages: Sequence[ModelMessage], provider: str) -> list[Message]:
    """Return the messages of a request; instructions follow the system prompts that lead. Raises InputError."""
    said = [wire for message in messages for wire in _wire(message, provider)]
    lead = next((index for index, message in enumerate(said) if message["role"] != "system"), len(said))
    said[lead:lead] = [{"role": "system", "content": text} for text in instructions]
    _keep_thinking(said)
    return said


def wire_tool(tool: ToolDefinition) -> dict[str, Any]:
    """Return a tool as the model is told of it."""
    function: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description or "",
        "parameters": tool.parameters_json_schema,
    }
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _wire(message: ModelMessage, provider: str) -> Iterator[Message]:
    if isinstance(message, ModelResponse):
        if (answer := _answer(message, provider)) is not None:
            yield answer
        return
    yield from _asked(message)


def _asked(message: ModelRequest) -> Iterator[Message]:
    for part in message.parts:
        match part:
            case SystemPromptPart():
                yield {"role": "system", "content": part.content}
            case UserPromptPart():
                yield {"role": "user", "content": _content(part.content)}
            case ToolReturnPart():
                yield {"role": "tool", "tool_call_id": part.tool_call_id, "content": part.model_response_str()}
            case RetryPromptPart(tool_name=str()):
                yield {"role": "tool", "tool_call_id": part.tool_call_id, "content": part.model_response()}
            case RetryPromptPart():
                yield {"role": "user", "content": part.model_response()}
            case _:
                raise InputError(f"this model is not told of {part.part_kind} parts")


def _content(content: str | Sequence[UserContent]) -> str | list[dict[str, Any]]:
    return content if isinstance(content, str) else [_content_part(part) for part in content]


def _content_part(part: UserContent) -> dict[str, Any]:
    match part:
        case str():
            return {"type": "text", "text": part}
        case TextContent():
            return {"type": "text", "text": part.content}
        case ImageUrl():
            return {"type": "image_url", "image_url": {"url": part.url}}
        case BinaryContent() if part.is_image:
            return {"type": "image_url", "image_url": {"url": part.data_uri}}
    raise InputError(f"this model is not shown {type(part).__name__} parts", repair="send text or images")


def _answer(message: ModelResponse, provider: str) -> Message | None:
    """Return the model's own message; None when nothing of it can be said again."""
    texts: list[str] = []
    thoughts: dict[str, list[str]] = {}
    calls = []
    for part in message.parts:
        if isinstance(part, TextPart):
            texts.append(part.content)
        elif isinstance(part, ToolCallPart):
            function = {"name": part.tool_name, "arguments": part.args_as_json_str()}
            calls.append({"id": part.tool_call_id, "type": "function", "function": function})
        elif isinstance(part, ThinkingPart) and part.id and part.id != TAGGED and part.provider_name == provider:
            thoughts.setdefault(part.id, []).append(part.content)
        elif isinstance(part, ThinkingPart):
            texts.append(f"<think>\n{part.content}\n</think>")
    if not texts and not calls:
        return None
    answer: Message = {"role": "assistant", **{field: "\n\n".join(said) for field, said in thoughts.items()}}
    answer["content"] = "\n\n".join(texts) if texts else None
    return answer | {"tool_calls": calls} if calls else answer


def _keep_thinking(messages: Sequence[Message]) -> None:
    """Give each call since the last question the field of thoughts, empty where a message has none.

    Services of the DeepSeek kind refuse a call without the field once the conversation has it; which of the two names
    it has is known from the messages alone (Pydantic AI 2.68, `OpenAIChatModel`).
    """
    fields = {name for message in messages for name in ("reasoning", "reasoning_content") if name in message}
    if len(fields) != 1:
        return
    (name,) = fields
    last = max((index for index, message in enumerate(messages) if message["role"] == "user"), default=-1)
    for message in messages[last + 1 :]:
        if message.get("tool_calls"):
            message.setdefault(name, "")
