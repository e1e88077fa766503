"""DashScope's own wire (`/api/v1/services/aigc/.../generation`), which its SDK and AgentScope's models speak."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from fujie_emulator.llm.errors import LlmError
from fujie_emulator.llm.request import ChatRequest, chat_request, count_tokens
from fujie_emulator.llm.state import Reply


@dataclass(frozen=True)
class Generation:
    """A request of DashScope's: what is asked, and how the answer is to come."""

    chat: ChatRequest
    streams: bool
    in_pieces: bool
    """`incremental_output`: each event holds what is new, not all so far."""


def generation(body: Any, headers: Mapping[str, str]) -> Generation:
    """Return the request in `body`; raises LlmError naming the field that is wrong."""
    if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
        raise LlmError("Required body invalid, please check the request body format.", code="InvalidParameter")
    parameters = body.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise LlmError("parameters must be an object", param="parameters", code="InvalidParameter")
    if parameters.get("result_format", "message") != "message":
        raise LlmError("Only result_format message is spoken here.", code="InvalidParameter")
    messages = body["input"].get("messages")
    chat = {
        "model": body.get("model"),
        "messages": [_message(item) for item in messages] if isinstance(messages, list) else messages,
        **{name: parameters[name] for name in ("tools", "tool_choice") if parameters.get(name)},
    }
    streams = headers.get("x-dashscope-sse") == "enable" or "text/event-stream" in headers.get("accept", "")
    return Generation(chat_request(chat), streams, bool(parameters.get("incremental_output")))


def error_body(error: LlmError) -> dict[str, Any]:
    """Return an error in DashScope's form."""
    return {"code": error.code or "InvalidParameter", "message": error.message, "request_id": secrets.token_hex(16)}


@dataclass(frozen=True)
class GenerationAnswer:
    """One answer on the wire, whole or as events."""

    request_id: str
    asked: Generation
    reply: Reply

    def whole(self) -> dict[str, Any]:
        return self._object(self.reply.text, self._calls(), self._reason())

    async def events(self) -> AsyncIterator[str]:
        said, number = "", 0
        for chunk in self.reply.chunks if not self.reply.call else ():
            await asyncio.sleep(self.reply.pause_s)
            said, number = said + chunk, number + 1
            yield _event(number, self._object(chunk if self.asked.in_pieces else said, [], "null"))
        last = "" if self.asked.in_pieces else said
        yield _event(number + 1, self._object(last, self._calls(), self._reason()))

    def _calls(self) -> list[dict[str, Any]]:
        if self.reply.call is None:
            return []
        arguments = json.dumps(dict(self.reply.call.arguments), ensure_ascii=False)
        function = {"name": self.reply.call.name, "arguments": arguments}
        return [{"index": 0, "id": f"call_{self.request_id[:24]}", "type": "function", "function": function}]

    def _reason(self) -> str:
        return "tool_calls" if self.reply.call else "stop"

    def _object(self, content: str, calls: list[dict[str, Any]], reason: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": content} | ({"tool_calls": calls} if calls else {})
        said, asked = count_tokens(self.reply.text + json.dumps(self._calls() or "")), self.asked.chat.prompt_tokens
        return {
            "output": {"choices": [{"message": message, "finish_reason": reason}]},
            "usage": {"input_tokens": asked, "output_tokens": said, "total_tokens": asked + said},
            "request_id": self.request_id,
        }


def _message(item: Any) -> Any:
    """Return a message as OpenAI has it: parts of DashScope's have no type."""
    if not isinstance(item, dict) or not isinstance(item.get("content"), list):
        return item
    return {**item, "content": [_part(part) for part in item["content"]]}


def _part(part: Any) -> Any:
    return {"type": "text", **part} if isinstance(part, dict) and "text" in part else part


def _event(number: int, value: dict[str, Any]) -> str:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"id:{number}\nevent:result\n:HTTP_STATUS/200\ndata:{body}\n\n"
