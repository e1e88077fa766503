"""Events of a run to AgentScope's server-sent events, byte for byte as its `agentscope` adapter writes them.

Pure and stateful: one encoder per stream; the same events always give the same bytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, assert_never

from fujie.permission import ConsentRequest
from fujie.protocols.agentscope.words import clean, compact, string, text_block
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    DataProduced,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    RunCanceled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunPaused,
    RunResumed,
    RunStarted,
    StateChanged,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolCalling,
    ToolReturned,
    value_of,
)


@dataclass(slots=True)
class _OpenText:
    """A message of text that has begun: what came so far, in pieces."""

    kind: str
    """`message` or `reasoning`."""
    pieces: list[str] = field(default_factory=list)


class Encoder:
    """Turns each event into the text of zero or more frames, `data: <json>` and an empty line.

    Frames whose sequence number is not above `after` are numbered but left out, so that a replay can be joined where
    a reader left off.
    """

    def __init__(self, after: int = -1) -> None:
        self._after = after
        self._next = 0
        self._response_id = self._session_id = '""'
        self._created_at = 0
        self._open: dict[str, _OpenText] = {}
        self._writing: dict[str, str] = {}
        """Calls that the model is still writing: message id -> the last data of it that was sent."""
        self._output: list[str] = []

    def feed(self, event: RunEvent) -> str:
        """Return the frames of one event."""
        return "".join(f"data: {body}\n\n" for number, body in self.frames(event) if number > self._after)

    def frames(self, event: RunEvent) -> list[tuple[int, str]]:
        """Return (sequence number, JSON text) of every frame of one event."""
        first = self._next
        return list(enumerate(self._bodies(event), first))

    def _bodies(self, event: RunEvent) -> Iterator[str]:  # noqa: C901, PLR0912 - one arm per event
        match event:
            case RunStarted():
                yield from self._start(event)
            case TextStarted():
                yield from self._text_started(event.message_id, "message")
            case ReasoningStarted():
                yield from self._text_started(event.message_id, "reasoning")
            case TextDelta():
                yield from self._text_delta(event, "message")
            case ReasoningDelta():
                yield from self._text_delta(event, "reasoning")
            case TextEnded() | ReasoningEnded():
                yield from self._close(event.message_id, "completed")
            case ToolCalling():
                yield from self._calling(event.message_id, _call_data(event))
            case ToolCalled():
                yield from self._called(event)
            case ToolReturned():
                yield from self._returned(event)
            case DataProduced():
                yield from self._data(event)
            case StateChanged():
                return
            case ConsentRequired() | ConsentResolved():
                yield from self._consent(event)
            case RunResumed():
                yield self._response("in_progress")
            case RunPaused():
                yield from self._ending("incomplete")
            case RunCompleted():
                yield from self._ending("completed", completed_at=event.at, usage=compact(event.usage or None))
            case RunFailed():
                error = compact({"code": event.code, "message": event.message})
                yield from self._ending("failed", error=error)
            case RunCanceled():
                yield from self._ending("canceled")
            case _:
                assert_never(event)

    def _start(self, event: RunStarted) -> Iterator[str]:
        self._response_id = string(f"response_{event.run_id}")
        self._session_id = string(event.session_id)
        self._created_at = event.created_at
        yield self._response("created")
        yield self._response("in_progress")

    def _number(self) -> int:
        number, self._next = self._next, self._next + 1
        return number

    def _response(
        self, status: str, *, error: str = "null", completed_at: int | None = None, usage: str = "null"
    ) -> str:
        output = f"[{','.join(self._output)}]" if self._output and status not in ("created", "in_progress") else "null"
        return (
            f'{{"sequence_number":{self._number()},"object":"response","status":"{status}","error":{error},'
            f'"id":{self._response_id},"created_at":{self._created_at},'
            f'"completed_at":{"null" if completed_at is None else completed_at},"output":{output},"usage":{usage},'
            f'"session_id":{self._session_id}}}'
        )

    def _ending(
        self, status: str, *, error: str = "null", completed_at: int | None = None, usage: str = "null"
    ) -> Iterator[str]:
        """A message that is still open is closed first: complete where the run went well, else incomplete."""
        last = "completed" if status == "completed" else "incomplete"
        for message_id in list(self._open):
            yield from self._close(message_id, last)
        for message_id in list(self._writing):
            yield from self._end_call(message_id, last)
        yield self._response(status, error=error, completed_at=completed_at, usage=usage)

    def _text_started(self, message_id: str, kind: str) -> Iterator[str]:
        if message_id not in self._open:
            self._open[message_id] = _OpenText(kind)
            yield self._announce(message_id, kind, "assistant")

    def _text_delta(self, event: TextDelta | ReasoningDelta, kind: str) -> Iterator[str]:
        yield from self._text_started(event.message_id, kind)
        piece = clean(event.text)
        self._open[event.message_id].pieces.append(piece)
        yield self._content("in_progress", "true", event.message_id, f'"text":{string(piece)}')

    def _close(self, message_id: str, status: str) -> Iterator[str]:
        text = self._open.pop(message_id, None)
        if text is None:
            return
        part = self._content(status, "null", message_id, f'"text":{string("".join(text.pieces))}')
        yield part
        yield self._finish(message_id, text.kind, "assistant", [part], status=status)

    def _calling(self, message_id: str, data: str) -> Iterator[str]:
        """Say how far the call is, unless that was the last that was said of it."""
        if message_id not in self._writing:
            yield self._announce(message_id, "plugin_call", "assistant")
        if self._writing.get(message_id) != data:
            self._writing[message_id] = data
            yield self._content("in_progress", "false", message_id, data)

    def _called(self, event: ToolCalled) -> Iterator[str]:
        if event.message_id not in self._writing:
            yield from self._calling(event.message_id, _call_data(replace(event, arguments="")))
        yield from self._calling(event.message_id, _call_data(event))
        yield from self._end_call(event.message_id, "completed")

    def _end_call(self, message_id: str, status: str) -> Iterator[str]:
        data = self._writing.pop(message_id)
        yield self._content(status, "false", message_id, data)
        yield self._finish(message_id, "plugin_call", "assistant", [_snapshot(data)], status=status)

    def _returned(self, event: ToolReturned) -> Iterator[str]:
        metadata = compact(_outcome(event))
        head = f'"data":{{"call_id":{string(event.call_id)},"name":{string(event.name)}'
        empty, full = (f'{head},"output":{string(output)}}}' for output in ("", text_block(event.output)))
        yield self._announce(event.message_id, "plugin_call_output", "tool", metadata)
        yield self._content("in_progress", "false", event.message_id, empty)
        yield self._content("completed", "false", event.message_id, full)
        yield self._finish(event.message_id, "plugin_call_output", "tool", [_snapshot(full)], metadata)

    def _data(self, event: DataProduced) -> Iterator[str]:
        """AgentScope's data is an object; any other value goes under `value`."""
        value = value_of(event.data)
        data = f'"data":{compact(value if isinstance(value, dict) else {"value": value})}'
        yield self._announce(event.message_id, "message", "assistant")
        yield self._content("in_progress", "false", event.message_id, data)
        yield self._content("completed", "false", event.message_id, data)
        yield self._finish(event.message_id, "message", "assistant", [_snapshot(data)])

    def _consent(self, event: ConsentRequired | ConsentResolved) -> Iterator[str]:
        yield self._announce(event.message_id, "message", "assistant")
        parts = []
        if isinstance(event, ConsentRequired):
            words = f'"text":{string(consent_words(event.request))}'
            yield self._content("in_progress", "true", event.message_id, words)
            parts.append(self._content("completed", "null", event.message_id, words))
            yield parts[0]
        data = f'"data":{compact(_consent_data(event))}'
        yield self._content("in_progress", "false", event.message_id, data, index=len(parts))
        yield self._content("completed", "false", event.message_id, data, index=len(parts))
        yield self._finish(event.message_id, "message", "assistant", [*parts, _snapshot(data)])

    def _announce(self, message_id: str, kind: str, role: str, metadata: str = "{}") -> str:
        return self._message("in_progress", message_id, kind, role, "null", metadata)

    def _finish(
        self,
        message_id: str,
        kind: str,
        role: str,
        parts: list[str],
        metadata: str = "{}",
        *,
        status: str = "completed",
    ) -> str:
        body = self._message(status, message_id, kind, role, f"[{','.join(parts)}]", metadata)
        self._output.append(body)
        return body

    def _message(self, status: str, message_id: str, kind: str, role: str, content: str, metadata: str) -> str:
        return (
            f'{{"sequence_number":{self._number()},"object":"message","status":"{status}","error":null,'
            f'"id":{string(message_id)},"type":"{kind}","role":"{role}","content":{content},"code":null,'
            f'"message":null,"usage":null,"metadata":{metadata}}}'
        )

    def _content(self, status: str, delta: str, message_id: str, payload: str, *, index: int = 0) -> str:
        kind = "text" if payload.startswith('"text"') else "data"
        return (
            f'{{"sequence_number":{self._number()},"object":"content","status":"{status}","error":null,'
            f'"type":"{kind}","index":{index},"delta":{delta},"msg_id":{string(message_id)},{payload}}}'
        )


def encode(events: Iterable[RunEvent], after: int = -1) -> str:
    """Return the whole stream of a log, or what follows the frame numbered `after`."""
    encoder = Encoder(after)
    return "".join(map(encoder.feed, events))


def consent_words(request: ConsentRequest) -> str:
    """Return what a person reads who sees only text: both languages, since a replayed log knows no reader.

    It ends with an empty line: such a client joins all texts, and the answer follows.
    """
    english = ", ".join(scope.words.get("en", scope.name) for scope in request.scopes)
    chinese = "、".join(scope.words.get("zh", scope.name) for scope in request.scopes)
    return (
        f"Permission needed: {request.provider_name} ({english}).\nReview and allow: {request.connect_url}\n\n"
        f"需要授权：{request.provider_name}（{chinese}）。\n请查看并允许：{request.connect_url}\n\n"
    )


def _snapshot(payload: str) -> str:
    """Return a data part as messages repeat it: its own numbers are null (protocol notes 1.5)."""
    return (
        '{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,'
        f'"delta":false,"msg_id":null,{payload}}}'
    )


def _call_data(event: ToolCalling | ToolCalled) -> str:
    call_id, name, arguments = map(string, (event.call_id, event.name, event.arguments))
    return f'"data":{{"call_id":{call_id},"name":{name},"arguments":{arguments}}}'


def _outcome(event: ToolReturned) -> dict[str, Any]:
    badge = asdict(event.credential) if event.credential else None
    return {"ok": event.ok, "duration_ms": event.duration_ms, "credential": badge, "error_code": event.error_code}


def _consent_data(event: ConsentRequired | ConsentResolved) -> dict[str, Any]:
    if isinstance(event, ConsentResolved):
        return {"type": "authorization_resolved", "consent_id": event.consent_id, "outcome": event.outcome}
    return {"type": "authorization_required"} | asdict(event.request) | {"call_id": event.call_id}
