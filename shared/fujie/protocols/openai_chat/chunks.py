"""Events of a run to `chat.completion.chunk` objects.

What OpenAI's format has no place for is under the key `fujie` of a chunk or of the object: `run_id`, `session_id`,
`tool_result`(s), `data` (a list in the object), `authorization_required`, `authorization_resolved`, `waiting_for`.
Tool calls are shown where OpenAI shows them, with `finish_reason` "stop": they are carried out here, nobody needs to
answer them.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins

from fujie.protocols.agentscope.templates import consent_words
from fujie.protocols.agentscope.words import clean
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    DataProduced,
    ReasoningDelta,
    RunCanceled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunPaused,
    RunResumed,
    RunStarted,
    TextDelta,
    ToolCalled,
    ToolReturned,
    value_of,
)
from fujie.protocols.openai_chat.errors import error_object

Json = dict[str, Any]


class Chunks:
    """Turns each event into zero or more chunks, as objects; an error is an object with the key `error`.

    A pause is not the end while its consent may already be settled and the answer goes on: call `end` when no more
    events come. An answer whose events end before the run does ends in an error, never as if it were whole.
    """

    def __init__(self, model: str, *, include_usage: bool = False) -> None:
        self._model = model
        self._include_usage = include_usage
        self._id = "chatcmpl-"
        self._created = 0
        self._calls = 0
        self._speaker = ""
        self._text_end = "\n"
        self._waiting_for: tuple[str, ...] | None = None
        self._begun = False
        self.over = False

    def feed(self, event: RunEvent) -> Iterator[Json]:  # noqa: C901, PLR0912 - one arm per event
        """Yield the chunks of one event; after the run's end, none."""
        if self.over:
            return
        match event:
            case RunStarted():
                yield from self._start(event)
            case TextDelta():
                yield from self._text(event.message_id, event.text)
            case ReasoningDelta():
                yield self._chunk({"reasoning_content": clean(event.text)})
            case DataProduced():
                yield from self._text(event.message_id, event.data, fujie={"data": value_of(event.data)})
            case ToolCalled():
                yield self._chunk({"tool_calls": [self._call(event)]})
            case ToolReturned():
                yield self._chunk({}, fujie={"tool_result": _result(event)})
            case ConsentRequired():
                yield from self._text(event.message_id, consent_words(event.request), fujie=_required(event))
            case ConsentResolved():
                resolved = {"consent_id": event.consent_id, "outcome": event.outcome}
                yield self._chunk({}, fujie={"authorization_resolved": resolved})
            case RunPaused():
                self._waiting_for = event.waiting_for
            case RunResumed():
                self._waiting_for = None
            case RunCompleted():
                yield from self._finish(event)
            case RunFailed():
                yield self._error(event.message, event.code)
            case RunCanceled():
                yield self._error("the run was canceled", "canceled")

    def end(self) -> Iterator[Json]:
        """Yield what is due when no more events come: the finish of a paused run, or an error."""
        if self.over:
            return
        if self._waiting_for is None:
            yield self._error("the answer was cut off", "lost")
            return
        self.over = True
        yield self._chunk({}, finish="stop", fujie={"waiting_for": list(self._waiting_for)})

    def _start(self, event: RunStarted) -> Iterator[Json]:
        if self._begun:
            return
        self._id = f"chatcmpl-{event.run_id}"
        self._created = event.created_at
        yield self._chunk({"content": ""}, fujie={"run_id": event.run_id, "session_id": event.session_id})

    def _text(self, message_id: str, text: str, *, fujie: Json | None = None) -> Iterator[Json]:
        """Yield a piece of the one text that this format has; messages are set apart by an empty line."""
        if not text:
            return
        apart = "" if message_id == self._speaker or self._text_end == "\n" else "\n\n"
        self._speaker, self._text_end = message_id, text[-1]
        yield self._chunk({"content": clean(apart + text)}, fujie=fujie)

    def _call(self, event: ToolCalled) -> Json:
        index, self._calls = self._calls, self._calls + 1
        function = {"name": event.name, "arguments": event.arguments}
        return {"index": index, "id": event.call_id, "type": "function", "function": function}

    def _finish(self, event: RunCompleted) -> Iterator[Json]:
        self.over = True
        yield self._chunk({}, finish="stop")
        if self._include_usage:
            yield self._chunk() | {"usage": usage_of(event.usage)}

    def _error(self, message: str, code: str) -> Json:
        self.over = True
        return error_object(message, code)

    def _chunk(self, delta: Json | None = None, *, finish: str | None = None, fujie: Json | None = None) -> Json:
        """Return a chunk with one choice, or, without a delta, with none."""
        if delta is not None and not self._begun:
            delta, self._begun = {"role": "assistant"} | delta, True
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
        chunk: Json = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }
        if self._include_usage:
            chunk["usage"] = None
        return chunk | {"fujie": fujie} if fujie else chunk


def usage_of(usage: dict[str, int]) -> dict[str, int]:
    """Return a run's usage in OpenAI's words."""
    read, written = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _result(event: ToolReturned) -> Json:
    return {
        "call_id": event.call_id,
        "name": event.name,
        "output": event.output,
        "ok": event.ok,
        "duration_ms": event.duration_ms,
        "error_code": event.error_code,
        "credential": to_builtins(event.credential) if event.credential else None,
    }


def _required(event: ConsentRequired) -> Json:
    return {"authorization_required": to_builtins(event.request) | {"call_id": event.call_id}}
