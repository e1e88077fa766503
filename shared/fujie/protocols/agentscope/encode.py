"""Events of a run to AgentScope's server-sent events, byte for byte as its `agentscope` adapter writes them.

Pure and stateful: one encoder per stream; the same events always give the same bytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, assert_never

from fujie.permission import ConsentRequest
from fujie.protocols.agentscope.words import clean, compact, string, text_block
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    RunCanceled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunPaused,
    RunResumed,
    RunStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
)


@dataclass(slots=True)
class _OpenText:
    """A text message that has begun: what came so far, in pieces."""

    message_id: str
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
        self._output: list[str] = []

    def feed(self, event: RunEvent) -> str:
        """Return the frames of one event."""
        return "".join(f"data: {body}\n\n" for number, body in self.frames(event) if number > self._after)

    def frames(self, event: RunEvent) -> list[tuple[int, str]]:
        """Return (sequence number, JSON text) of every frame of one event."""
        first = self._next
        return list(enumerate(self._bodies(event), first))

    def _bodies(self, event: RunEvent) -> Iterator[str]:  # noqa: C901 - one arm per event
        match event:
            case RunStarted():
                yield from self._start(event)
            case TextStarted():
                yield from self._text_started(event.message_id)
            case TextDelta():
                yield from self._text_delta(event)
            case TextEnded():
                yield from self._close(event.message_id, "completed")
            case ToolCalled() | ToolReturned():
                yield from self._tool(event)
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
        for message_id in list(self._open):
            yield from self._close(message_id, "completed" if status == "completed" else "incomplete")
        yield self._response(status, error=error, completed_at=completed_at, usage=usage)

    def _text_started(self, message_id: str) -> Iterator[str]:
        if message_id not in self._open:
            self._open[message_id] = _OpenText(message_id)
            yield self._announce(message_id, "message", "assistant")

    def _text_delta(self, event: TextDelta) -> Iterator[str]:
        yield from self._text_started(event.message_id)
        piece = clean(event.text)
        self._open[event.message_id].pieces.append(piece)
        yield self._content("in_progress", "true", event.message_id, f'"text":{string(piece)}')

    def _close(self, message_id: str, status: str) -> Iterator[str]:
        text = self._open.pop(message_id, None)
        if text is None:
            return
        part = self._content(status, "null", message_id, f'"text":{string("".join(text.pieces))}')
        yield part
        yield self._finish(message_id, "message", "assistant", [part], status=status)

    def _tool(self, event: ToolCalled | ToolReturned) -> Iterator[str]:
        head = f'"call_id":{string(event.call_id)},"name":{string(event.name)}'
        if isinstance(event, ToolCalled):
            kind, role, metadata, last = "plugin_call", "assistant", "{}", ("arguments", event.arguments)
        else:
            kind, role, metadata = "plugin_call_output", "tool", compact(_outcome(event))
            last = ("output", text_block(event.output))
        empty, full = (f'"data":{{{head},"{last[0]}":{string(value)}}}' for value in ("", last[1]))
        yield self._announce(event.message_id, kind, role, metadata)
        yield self._content("in_progress", "false", event.message_id, empty)
        if isinstance(event, ToolCalled):
            yield self._content("in_progress", "false", event.message_id, full)
        yield self._content("completed", "false", event.message_id, full)
        yield self._finish(event.message_id, kind, role, [_snapshot(full)], metadata)

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


def _outcome(event: ToolReturned) -> dict[str, Any]:
    badge = asdict(event.credential) if event.credential else None
    return {"ok": event.ok, "duration_ms": event.duration_ms, "credential": badge, "error_code": event.error_code}


def _consent_data(event: ConsentRequired | ConsentResolved) -> dict[str, Any]:
    if isinstance(event, ConsentResolved):
        return {"type": "authorization_resolved", "consent_id": event.consent_id, "outcome": event.outcome}
    return {"type": "authorization_required"} | asdict(event.request) | {"call_id": event.call_id}
