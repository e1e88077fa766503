"""A request of the Responses API, read once at the door and turned into what the scripted model looks at."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fujie_emulator.llm.errors import LlmError
from fujie_emulator.llm.request import ChatRequest, OfferedTool, count_tokens, last_question, results_since

_KEPT_NOWHERE = ("previous_response_id", "conversation", "background", "prompt")
"""They need answers or prompts that are kept, and the scripted model keeps none."""
_TEXT_PARTS = frozenset({"input_text", "output_text", "text", "refusal"})
_ROLES = frozenset({"system", "developer", "user", "assistant"})


@dataclass(frozen=True)
class ResponseRequest:
    """The model's view of the request, and the fields that the response repeats."""

    chat: ChatRequest
    repeated: Mapping[str, Any]


def response_request(body: Any) -> ResponseRequest:
    """Return the request in `body`; raises LlmError naming the field that is wrong."""
    if not isinstance(body, dict):
        raise LlmError("The body must be a JSON object.")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise LlmError("you must provide a model parameter", param="model")
    for name in _KEPT_NOWHERE:
        if body.get(name):
            raise LlmError(
                f"This model keeps nothing: {name} is not supported.", param=name, code="unsupported_parameter"
            )
    repeated = _repeated(body)
    question, since = last_question(_messages(body.get("input")))
    offered, must_call = _chosen(_tools(body), repeated["tool_choice"])
    read = [body.get("instructions") or "", body["input"], body.get("tools") or []]
    return ResponseRequest(
        ChatRequest(
            model=body["model"],
            question=question,
            tools=offered,
            results=results_since(since),
            must_call=must_call,
            stream=body.get("stream") is True,
            prompt_tokens=count_tokens(json.dumps(read, ensure_ascii=False)),
        ),
        repeated,
    )


def _repeated(body: Mapping[str, Any]) -> dict[str, Any]:
    instructions, metadata = body.get("instructions"), body.get("metadata") or {}
    if instructions is not None and not isinstance(instructions, str):
        raise LlmError("'instructions' must be a string.", param="instructions")
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise LlmError("'metadata' is an object whose values are strings.", param="metadata")
    text = body.get("text") or {}
    if not isinstance(text, dict) or (text.get("format") or {"type": "text"}) != {"type": "text"}:
        raise LlmError("This model answers in plain text.", param="text.format", code="unsupported_value")
    return {
        "instructions": instructions,
        "metadata": metadata,
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "temperature": _number(body, "temperature", 2),
        "top_p": _number(body, "top_p", 1),
        "tool_choice": _choice(body.get("tool_choice")),
        "tools": [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description or None,
                "parameters": dict(tool.parameters),
                "strict": body["tools"][index].get("strict") is not False,
            }
            for index, tool in enumerate(_tools(body))
        ],
    }


def _number(body: Mapping[str, Any], name: str, highest: int) -> float:
    value = body.get(name)
    if value is None:
        return 1.0
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise LlmError(f"'{name}' must be a number.", param=name)
    if not 0 <= value <= highest:
        raise LlmError(f"'{name}' must be between 0 and {highest}.", param=name)
    return float(value)


def _choice(value: Any) -> Any:
    if value is None or value in ("auto", "none", "required"):
        return value or "auto"
    if isinstance(value, dict) and value.get("type") == "function" and isinstance(value.get("name"), str):
        return {"type": "function", "name": value["name"]}
    raise LlmError("'tool_choice' is auto, none, required or a function.", param="tool_choice")


def _tools(body: Mapping[str, Any]) -> tuple[OfferedTool, ...]:
    tools = body.get("tools") or []
    if not isinstance(tools, list):
        raise LlmError("'tools' must be a list.", param="tools")
    return tuple(_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools))


def _tool(item: Any, place: str) -> OfferedTool:
    if not isinstance(item, dict) or item.get("type") != "function":
        raise LlmError("This model calls functions only.", param=f"{place}.type", code="unsupported_value")
    if not isinstance(item.get("name"), str) or not item["name"]:
        raise LlmError("A tool is a function with a name.", param=f"{place}.name")
    parameters = item.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise LlmError("Parameters are a JSON schema object.", param=f"{place}.parameters")
    return OfferedTool(item["name"], str(item.get("description") or ""), parameters)


def _chosen(tools: tuple[OfferedTool, ...], choice: Any) -> tuple[tuple[OfferedTool, ...], bool]:
    if choice == "none":
        return (), False
    if isinstance(choice, dict):
        chosen = tuple(tool for tool in tools if tool.name == choice["name"])
        if not chosen:
            raise LlmError(f"Tool choice {choice['name'][:64]!r} is not among the tools.", param="tool_choice")
        return chosen, True
    return tools, choice == "required"


def _messages(value: Any) -> list[dict[str, Any]]:
    """Return the input as the messages of a chat, which both doors then read alike."""
    if isinstance(value, str) and value:
        return [{"role": "user", "content": value}]
    if not isinstance(value, list) or not value:
        raise LlmError("'input' must be a string or a list with at least one item.", param="input")
    called: set[str] = set()
    return [_message(item, f"input[{index}]", called) for index, item in enumerate(value)]


def _message(item: Any, place: str, called: set[str]) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise LlmError("Each item is an object.", param=place)
    kind = item.get("type", "message")
    if kind == "message":
        if not isinstance(item.get("role"), str) or item["role"] not in _ROLES:
            raise LlmError(f"A message's role is one of {', '.join(sorted(_ROLES))}.", param=f"{place}.role")
        return {"role": item["role"], "content": _text(item.get("content"), f"{place}.content")}
    if kind == "function_call":
        for name in ("call_id", "name", "arguments"):
            _string(item, name, place)
        called.add(item["call_id"])
        function = {"name": item["name"], "arguments": item["arguments"]}
        return {"role": "assistant", "tool_calls": [{"id": item["call_id"], "function": function}]}
    if kind == "function_call_output":
        call_id = _string(item, "call_id", place)
        if call_id not in called:
            words = f"No tool call found for function call output with call_id {call_id[:64]}."
            raise LlmError(words, param="input")
        return {"role": "tool", "tool_call_id": call_id, "content": _text(item.get("output"), f"{place}.output")}
    raise LlmError(f"Items of type {str(kind)[:64]!r} are not supported.", param=f"{place}.type", code="invalid_value")


def _string(item: Mapping[str, Any], name: str, place: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise LlmError(f"Missing required parameter: '{place}.{name}'.", param=f"{place}.{name}")
    return value


def _text(content: Any, place: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise LlmError("Content is a string or a list of parts.", param=place)
    texts = []
    for index, part in enumerate(content):
        if not isinstance(part, dict) or str(part.get("type")) not in _TEXT_PARTS:
            raise LlmError("This model reads text only.", param=f"{place}[{index}].type", code="invalid_value")
        text = part.get("text", part.get("refusal"))
        if not isinstance(text, str):
            raise LlmError("A part's text must be a string.", param=f"{place}[{index}].text")
        texts.append(text)
    return "".join(texts)
