"""Pydantic AI: the events of `agent.run_stream_events`, or what the stream of `agent.run_stream` gives.

Of the latter: the pieces of `stream_text(delta=True)`, the snapshots of `stream_response()`, or a typed output, of
which the last counts. Nothing is imported but by `messages`: what an event is, its `event_kind` says.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fujie.agents.adapters.json_text import json_text
from fujie.agents.adapters.pydantic_messages import pydantic_messages
from fujie.agents.adapters.snapshots import Snapshots
from fujie.agents.adapters.speech import Speech
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import RunEvent

_NOT_YET = object()


class PydanticAdapter:
    """One run of a function that yields Pydantic AI's stream.

    A call of an output tool is the answer, not a call: its value is said once, at the end.
    """

    def __init__(self) -> None:
        self._speech = Speech()
        self._snapshots = Snapshots(self._speech)
        self._parts: dict[int, int] = {}
        """Index of a part in its response -> its number in the run."""
        self._count = 0
        self._writing: dict[int, Any] = {}
        """Number of a part -> the tool call that the model writes there."""
        self._answers: set[str] = set()
        """Ids of the calls of output tools."""
        self._output: Any = _NOT_YET
        self._has_spoken = False
        self._usage: Counter[str] = Counter()

    @property
    def usage(self) -> Mapping[str, int]:
        """What the run has cost, as its result says."""
        return dict(self._usage)

    def messages(self, request: AgentRequest) -> Any:
        """Return the input as a message history, whose last request is the question."""
        return pydantic_messages(request)

    def hear(self, item: Any) -> Iterable[RunEvent]:
        """Return what an event says, or what is new in a snapshot."""
        if isinstance(item, str):
            self._has_spoken = True
            return self._speech.text("", item)
        if (kind := getattr(item, "event_kind", None)) is not None:
            return self._event(kind, item)
        if getattr(item, "kind", None) == "response":
            return self._snapshot(item)
        if hasattr(item, "all_messages") and hasattr(item, "usage"):
            return self._result(item)
        self._output = item if item is not None else self._output
        return ()

    def end(self) -> Iterable[RunEvent]:
        """Say the output where it is no text, and close what is open."""
        yield from self._speech.close_all()
        output, self._output = self._output, _NOT_YET
        if isinstance(output, str):
            yield from self._speech.text("output", output)
        elif output is not _NOT_YET:
            yield from self._speech.data(output)
        yield from self._speech.end()

    def _event(self, kind: str, event: Any) -> Iterator[RunEvent]:  # noqa: C901 - one arm per kind
        match kind:
            case "part_start":
                yield from self._begun(event.index, event.part)
            case "part_delta":
                yield from self._gone_on(self._parts.get(event.index, -1), event.delta)
            case "part_end":
                yield from self._part_ended(event.index)
            case "final_result" if event.tool_call_id:
                self._answers.add(event.tool_call_id)
            case "function_tool_call":
                yield from self._called(event.part)
            case "output_tool_call":
                self._answers.add(event.part.tool_call_id)
            case "function_tool_result":
                yield from self._returned(event.part)
            case "deferred_tool_requests":
                yield from self._speech.data(_requests(event.requests))
            case "custom" | "capability":
                yield from self._speech.data(event)
            case "agent_run_result":
                yield from self._result(event.result)

    def _begun(self, index: int, part: Any) -> Iterator[RunEvent]:
        yield from self._part_ended(index)
        self._count += 1
        number = self._parts[index] = self._count
        match part.part_kind:
            case "text":
                self._has_spoken = self._has_spoken or bool(part.content)
                yield from self._speech.text(number, part.content)
            case "thinking":
                yield from self._speech.thought(number, part.content)
            case "tool-call":
                self._writing[number] = part
            case "builtin-tool-call":
                yield from self._called(part)
            case "builtin-tool-return":
                yield from self._returned(part)
            case "file":
                yield from self._speech.data({"type": "file", "source": _source(part.content)})

    def _gone_on(self, number: int, delta: Any) -> Iterator[RunEvent]:
        match delta.part_delta_kind:
            case "text":
                self._has_spoken = True
                yield from self._speech.text(number, delta.content_delta)
            case "thinking":
                yield from self._speech.thought(number, delta.content_delta or "")
            case "tool_call" if number in self._writing:
                part = self._writing[number] = delta.apply(self._writing[number])
                yield from self._calling(part)

    def _part_ended(self, index: int) -> Iterator[RunEvent]:
        number = self._parts.pop(index, -1)
        yield from self._speech.close(number)
        if (part := self._writing.pop(number, None)) is not None:
            yield from self._calling(part)

    def _calling(self, part: Any) -> Iterator[RunEvent]:
        if part.tool_call_id not in self._answers:
            yield from self._speech.calling(part.tool_call_id, part.tool_name, _written(part))

    def _called(self, part: Any) -> Iterator[RunEvent]:
        yield from self._speech.called(part.tool_call_id, part.tool_name, _written(part))

    def _returned(self, part: Any) -> Iterator[RunEvent]:
        outcome = str(getattr(part, "outcome", "success"))
        ok = outcome == "success"
        yield from self._speech.returned(
            part.tool_call_id,
            part.tool_name or "",
            part.model_response_str() if hasattr(part, "model_response_str") else json_text(part.content),
            ok=ok,
            error_code="" if ok else outcome,
        )

    def _snapshot(self, response: Any) -> Iterator[RunEvent]:
        for index, part in enumerate(response.parts):
            if part.part_kind in {"text", "thinking"}:
                self._has_spoken = self._has_spoken or part.part_kind == "text"
                key = (response.timestamp, index)
                yield from self._snapshots.grown(key, part.content, thought=part.part_kind == "thinking")

    def _result(self, result: Any) -> Iterator[RunEvent]:
        """Of a result, what was not heard as it came: an output that is no text, and what it cost."""
        usage = result.usage
        self._usage = Counter(input_tokens=usage.input_tokens or 0, output_tokens=usage.output_tokens or 0)
        output = getattr(result, "output", _NOT_YET)
        if not (isinstance(output, str) and self._has_spoken) and not hasattr(output, "approvals"):
            self._output = output
        yield from ()


def _requests(requests: Any) -> dict[str, Any]:
    def told(calls: Iterable[Any]) -> list[dict[str, Any]]:
        return [{"call_id": call.tool_call_id, "name": call.tool_name, "arguments": _written(call)} for call in calls]

    return {"type": "deferred_tool_requests", "calls": told(requests.calls), "approvals": told(requests.approvals)}


def _written(part: Any) -> str:
    """Return a call's arguments as the model wrote them, as far as it is."""
    return part.args if isinstance(part.args, str) else json_text(part.args) if part.args else ""


def _source(content: Any) -> dict[str, Any]:
    return {"type": "base64", "media_type": content.media_type, "data": content.base64}


adapter = PydanticAdapter
