"""A chat completion request, read once at the door."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fujie_emulator.llm.errors import LlmError

Language = Literal["en", "zh"]


@dataclass(frozen=True)
class OfferedTool:
    """A function that the request lets the model call."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ToolCall:
    """A call that the model makes."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class ToolResult:
    """What a call made since the question gave back."""

    call: ToolCall
    content: str


@dataclass(frozen=True)
class ChatRequest:
    """What the scripted model looks at: the last question and what happened since."""

    model: str
    question: str
    tools: tuple[OfferedTool, ...] = ()
    results: tuple[ToolResult, ...] = ()
    must_call: bool = False
    stream: bool = False
    include_usage: bool = False
    prompt_tokens: int = 0


def chat_request(body: Any) -> ChatRequest:
    """Return the request in `body`; raises LlmError naming the field that is wrong."""
    if not isinstance(body, dict):
        raise LlmError("The body must be a JSON object.")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise LlmError("you must provide a model parameter", param="model")
    if body.get("n") not in {None, 1}:
        raise LlmError("This model gives one choice: n must be 1.", param="n", code="unsupported_value")
    messages = _messages(body.get("messages"))
    tools, must_call = _chosen_tools(body)
    options = body.get("stream_options") or {}
    question, since = last_question(messages)
    return ChatRequest(
        model=body["model"],
        question=question,
        tools=tools,
        results=results_since(since),
        must_call=must_call,
        stream=body.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        prompt_tokens=count_tokens(json.dumps([messages, body.get("tools") or []], ensure_ascii=False)),
    )


def count_tokens(text: str) -> int:
    """Return a plausible number of tokens: four bytes make one."""
    return (len(text.encode()) + 3) // 4


def _messages(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise LlmError("'messages' must be a list with at least one message.", param="messages")
    for index, message in enumerate(value):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise LlmError("Each message is an object with a role.", param=f"messages[{index}]")
        if message["role"] not in {"system", "developer", "user", "assistant", "tool"}:
            raise LlmError(f"Unknown role {message['role']!r}.", param=f"messages[{index}].role")
    return value


def _chosen_tools(body: Mapping[str, Any]) -> tuple[tuple[OfferedTool, ...], bool]:
    tools = tuple(_tool(item, index) for index, item in enumerate(body.get("tools") or []))
    choice = body.get("tool_choice", "auto")
    if choice == "none":
        return (), False
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        chosen = tuple(tool for tool in tools if tool.name == name)
        if not chosen:
            raise LlmError(f"Tool choice {name!r} is not among the tools.", param="tool_choice")
        return chosen, True
    return tools, choice == "required"


def _tool(item: Any, index: int) -> OfferedTool:
    function = item.get("function") if isinstance(item, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise LlmError("A tool is a function with a name.", param=f"tools[{index}].function.name")
    parameters = function.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise LlmError("Parameters are a JSON schema object.", param=f"tools[{index}].function.parameters")
    return OfferedTool(function["name"], str(function.get("description") or ""), parameters)


def last_question(messages: Sequence[dict[str, Any]]) -> tuple[str, Sequence[dict[str, Any]]]:
    """Return the text of the last user message, and the messages after it."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index]["role"] == "user":
            return text_of(messages[index].get("content")), messages[index + 1 :]
    return "", messages


def text_of(content: Any) -> str:
    """Return the text of a message's content, a string or a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def results_since(messages: Sequence[dict[str, Any]]) -> tuple[ToolResult, ...]:
    """Return what the tools gave back in these messages, each with its call."""
    calls: dict[str, ToolCall] = {}
    results = []
    for message in messages:
        for call in message.get("tool_calls") or []:
            calls[str(call.get("id"))] = _called(call)
        if message["role"] == "tool":
            call = calls.get(str(message.get("tool_call_id")), ToolCall("", {}))
            results.append(ToolResult(call, text_of(message.get("content"))))
    return tuple(results)


def _called(call: Any) -> ToolCall:
    function = call.get("function") or {}
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except ValueError:
        arguments = {}
    return ToolCall(str(function.get("name", "")), arguments if isinstance(arguments, dict) else {})
