"""A model for Pydantic AI behind any OpenAI-compatible service."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.messages import (
    FinishReason,
    ModelMessage,
    ModelResponse,
    ModelResponseStreamEvent,
    PartStartEvent,
    TextPart,
    ThinkingPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from fujie.llm.errors import LlmOutputError, LlmUnavailableError
from fujie.llm.messages import TAGGED, wire_messages, wire_tool
from fujie.llm.service import ChatService, Chunks

PROVIDER_NAME = "fujie"
THINKING_FIELDS = ("reasoning", "reasoning_content")
"""Where services put a model's thoughts: gpt-oss by way of Ollama; DeepSeek, Moonshot and DashScope."""
THINKING_TAGS = ("<think>", "</think>")
FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
}
SETTINGS = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "parallel_tool_calls")
"""What is handed on under its own name when a developer sets it."""


class ChatModel(Model[None]):
    """A model by its name at a service. It raises LlmError for every fault of the service's."""

    def __init__(self, name: str, service: ChatService) -> None:
        super().__init__()
        self._name = name
        self._service = service

    @property
    def model_name(self) -> str:
        """The name that the service knows it by."""
        return self._name

    @property
    def system(self) -> str:
        """The provider's name."""
        return PROVIDER_NAME

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Return a whole answer."""
        async with self.request_stream(messages, model_settings, model_request_parameters) as answer:
            async for _ in answer:
                pass
            return answer.get()

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,  # noqa: ARG002 - every model is handed it
    ) -> AsyncGenerator[StreamedResponse]:
        """Open an answer once its first chunk is there."""
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        async with self._service.ask(self._body(messages, settings or {}, parameters)) as chunks:
            first = await anext(chunks, None)
            if first is None:
                raise LlmOutputError("the model answered nothing", repair="ask again")
            yield Answer(parameters, first, chunks, self._name, self._service.base_url)

    def _body(
        self, messages: list[ModelMessage], settings: ModelSettings, parameters: ModelRequestParameters
    ) -> dict[str, Any]:
        instructions = [part.content for part in parameters.instruction_parts or ()]
        tools = [wire_tool(tool) for tool in parameters.declared_tool_defs.values()]
        return {
            "model": self._name,
            "messages": wire_messages(instructions, messages, PROVIDER_NAME),
            "stream": True,
            "stream_options": {"include_usage": True},
            **({"tools": tools, "tool_choice": "auto"} if tools else {}),
            **({"max_completion_tokens": settings["max_tokens"]} if "max_tokens" in settings else {}),
            **({"stop": settings["stop_sequences"]} if "stop_sequences" in settings else {}),
            **{name: settings[name] for name in SETTINGS if name in settings},  # type: ignore[literal-required]
        }


@dataclass
class Answer(StreamedResponse):
    """One answer as it comes: thoughts, text and calls, in their order."""

    first: dict[str, Any]
    chunks: Chunks
    name: str
    base_url: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _stretch: int = field(default=0, init=False)
    """Numbers the stretches of text, which thoughts and calls end."""
    _musing: int = field(default=0, init=False)
    """Numbers the stretches of thoughts, which text and calls end."""
    _key: tuple[str, int] = field(default=("call", 0), init=False)
    """Of the call that was written last."""
    _unnamed: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict, init=False)
    """Calls whose name is still to come -> id and arguments so far: Pydantic AI loses its place over them."""

    @property
    def model_name(self) -> str:
        """The name of who answers, as the service tells it."""
        return _text(self.first.get("model")) or self.name

    @property
    def provider_name(self) -> str:
        """The provider's name."""
        return PROVIDER_NAME

    @property
    def provider_url(self) -> str:
        """Where the service is."""
        return self.base_url

    @property
    def timestamp(self) -> datetime:
        """When the answer began."""
        return self.began

    async def close_stream(self) -> None:
        """End the request."""
        await self.chunks.close()

    def get_stream_cancel_errors(self) -> tuple[type[BaseException], ...]:
        """Return what a reader of the chunks sees once the request is ended."""
        return (LlmUnavailableError,)

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        for event in self._heard(self.first):
            yield event
        async for chunk in self.chunks:
            for event in self._heard(chunk):
                yield event
        self.finish_reason = self.finish_reason or "stop"

    def _heard(self, chunk: Mapping[str, Any]) -> Iterator[ModelResponseStreamEvent]:
        if isinstance(usage := chunk.get("usage"), dict):
            self._usage = RequestUsage(
                input_tokens=_count(usage.get("prompt_tokens")), output_tokens=_count(usage.get("completion_tokens"))
            )
        self.provider_response_id = _text(chunk.get("id")) or self.provider_response_id
        choice = _first(chunk.get("choices"))
        self.finish_reason = FINISH_REASONS.get(_text(choice.get("finish_reason"))) or self.finish_reason
        delta = choice.get("delta")
        if isinstance(delta, dict):
            yield from self._thoughts(delta)
            yield from self._words(_words(delta.get("content")) or _text(delta.get("refusal")))
            yield from self._calls(delta.get("tool_calls"))

    def _thoughts(self, delta: Mapping[str, Any]) -> Iterator[ModelResponseStreamEvent]:
        name = next((name for name in THINKING_FIELDS if _text(delta.get(name))), None)
        if name is None:
            return
        for event in self._parts_manager.handle_thinking_delta(
            vendor_part_id=(name, self._musing), id=name, content=delta[name], provider_name=PROVIDER_NAME
        ):
            if isinstance(event, PartStartEvent):
                self._end_text()
            yield event

    def _words(self, text: str) -> Iterator[ModelResponseStreamEvent]:
        if not text:
            return
        for event in self._parts_manager.handle_text_delta(
            vendor_part_id=("content", self._stretch), content=text, thinking_tags=THINKING_TAGS
        ):
            if isinstance(event, PartStartEvent):
                self._musing += 1
                if isinstance(event.part, ThinkingPart):
                    event.part.id, event.part.provider_name = TAGGED, PROVIDER_NAME
            yield event

    def _calls(self, calls: object) -> Iterator[ModelResponseStreamEvent]:
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                yield from self._call(call)

    def _call(self, call: Mapping[str, Any]) -> Iterator[ModelResponseStreamEvent]:
        function, index = call.get("function"), call.get("index")
        written = function if isinstance(function, dict) else {}
        called, name, arguments = _text(call.get("id")), _text(written.get("name")), _text(written.get("arguments"))
        if isinstance(index, int):
            self._key = ("call", index)
        elif called or name:  # services that number no calls send each as a whole, or begin it so
            self._key = ("a further call", self._key[1] + 1)
        key = self._key
        if not name and self._parts_manager.get_part_by_vendor_id(key) is None:
            held = self._unnamed.get(key, ("", ""))
            self._unnamed[key] = (called or held[0], held[1] + arguments)
            return
        held = self._unnamed.pop(key, ("", ""))
        for event in self._parts_manager.handle_tool_call_delta_events(
            vendor_part_id=key, tool_name=name or None, args=held[1] + arguments, tool_call_id=called or held[0] or None
        ):
            if isinstance(event, PartStartEvent):
                self._musing += 1
                self._end_text()
            yield event

    def _end_text(self) -> None:
        """Let the next text be a part of its own; thoughts between tags go on until their closing tag."""
        if isinstance(self._parts_manager.get_part_by_vendor_id(("content", self._stretch)), TextPart):
            self._stretch += 1


def _first(choices: object) -> Mapping[str, Any]:
    found = choices[0] if isinstance(choices, list) and choices else None
    return found if isinstance(found, dict) else {}


def _words(content: object) -> str:
    """Return the text of a delta, which some services send as a list of parts."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return _text(content)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
