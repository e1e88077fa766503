"""An answer of the Responses API on the wire, whole or as events in OpenAI's order."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from fujie_emulator.llm.request import count_tokens
from fujie_emulator.llm.response_request import ResponseRequest
from fujie_emulator.llm.state import Reply

_PIECE = 12
"""Characters of a call's arguments in one event."""


@dataclass(frozen=True)
class ResponseAnswer:
    """One answer; `token` is what its ids are made of."""

    token: str
    created_at: int
    request: ResponseRequest
    reply: Reply

    def whole(self) -> dict[str, Any]:
        """Return the finished Response object."""
        return self._response("completed", [self._item("completed")], self._usage())

    async def events(self) -> AsyncIterator[str]:
        """Yield the events, numbered; words come with the pauses of the reply."""
        events = self._call_events() if self.reply.call else self._text_events()
        for number, event in enumerate(self._framed(events)):
            if event["type"] == "response.output_text.delta":
                await asyncio.sleep(self.reply.pause_s)
            numbered = json.dumps(event | {"sequence_number": number}, ensure_ascii=False, separators=(",", ":"))
            yield f"event: {event['type']}\ndata: {numbered}\n\n"

    def _framed(self, events: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        begun = self._response("in_progress", [], None)
        yield {"type": "response.created", "response": begun}
        yield {"type": "response.in_progress", "response": begun}
        yield {"type": "response.output_item.added", "output_index": 0, "item": self._item("in_progress")}
        yield from events
        yield {"type": "response.output_item.done", "output_index": 0, "item": self._item("completed")}
        yield {"type": "response.completed", "response": self.whole()}

    def _text_events(self) -> Iterator[dict[str, Any]]:
        place = {"item_id": self._item_id(), "output_index": 0, "content_index": 0}
        yield {"type": "response.content_part.added", **place, "part": _part("")}
        for chunk in self.reply.chunks:
            yield {"type": "response.output_text.delta", **place, "delta": chunk, "logprobs": []}
        yield {"type": "response.output_text.done", **place, "text": self.reply.text, "logprobs": []}
        yield {"type": "response.content_part.done", **place, "part": _part(self.reply.text)}

    def _call_events(self) -> Iterator[dict[str, Any]]:
        place = {"item_id": self._item_id(), "output_index": 0}
        arguments = self._arguments()
        for start in range(0, len(arguments), _PIECE):
            delta = arguments[start : start + _PIECE]
            yield {"type": "response.function_call_arguments.delta", **place, "delta": delta}
        name = self.reply.call.name if self.reply.call else ""
        yield {"type": "response.function_call_arguments.done", **place, "name": name, "arguments": arguments}

    def _item(self, status: str) -> dict[str, Any]:
        finished = status == "completed"
        item = {"id": self._item_id(), "status": status}
        if self.reply.call is None:
            content = [_part(self.reply.text)] if finished else []
            return {**item, "type": "message", "role": "assistant", "content": content}
        arguments = self._arguments() if finished else ""
        call = {"call_id": f"call_{self.token}", "name": self.reply.call.name, "arguments": arguments}
        return {**item, "type": "function_call", **call}

    def _item_id(self) -> str:
        return f"{'fc' if self.reply.call else 'msg'}_{self.token}"

    def _arguments(self) -> str:
        return json.dumps(dict(self.reply.call.arguments), ensure_ascii=False) if self.reply.call else ""

    def _response(self, status: str, output: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        return {
            "id": f"resp_{self.token}",
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "max_output_tokens": None,
            "max_tool_calls": None,
            "model": self.request.chat.model,
            "output": output,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "default",
            "store": False,
            "text": {"format": {"type": "text"}},
            "top_logprobs": 0,
            "truncation": "disabled",
            "usage": usage,
            "user": None,
            **self.request.repeated,
        }

    def _usage(self) -> dict[str, Any]:
        said = count_tokens(self.reply.text + (self.reply.call.name + self._arguments() if self.reply.call else ""))
        read = self.request.chat.prompt_tokens
        return {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": said,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + said,
        }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
