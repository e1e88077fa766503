"""A run's events to A2A's task: what changed with each, and the whole so far.

Text becomes an artifact per message, in chunks; a value becomes an artifact; reasoning, tool calls and their results
are messages of the status `working`, a wait for consent of `auth-required`. What A2A has no word for (state, calls
that are still being written) is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, assert_never

from msgspec import to_builtins

from fujie.protocols.a2a.nouns import (
    ENDED,
    Artifact,
    ArtifactUpdate,
    DataPart,
    Json,
    Message,
    Part,
    State,
    Status,
    StatusUpdate,
    Task,
    TaskIds,
    TextPart,
    Update,
)
from fujie.protocols.a2a.values import portable
from fujie.protocols.agentscope.templates import consent_words
from fujie.protocols.agentscope.words import clean
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
class _Answer:
    """One message of the answer so far."""

    pieces: list[str] = field(default_factory=list)
    values: list[DataPart] = field(default_factory=list)

    def parts(self) -> list[Part]:
        text: list[Part] = [TextPart("".join(self.pieces))] if self.pieces else []
        return [*text, *self.values]


class TaskOfRun:
    """One run as a task: fed its events, it yields what a stream says of each and can tell the whole at any time."""

    def __init__(self, run_id: str, context_id: str, question: Message | None = None, created_at: int = 0) -> None:
        self.ids = TaskIds(run_id, context_id)
        self._history: list[Message] = [question] if question else []
        self._status = Status("submitted", created_at)
        self._metadata: Json = {}
        self._answers: dict[str, _Answer] = {}
        self._thoughts: dict[str, list[str]] = {}
        self._waits: dict[str, list[Part]] = {}
        """What the user is asked for, by consent."""
        self._asked: Message | None = None

    def whole(self) -> Task:
        """Return all of the task so far."""
        artifacts = [Artifact(key, answer.parts()) for key, answer in self._answers.items()]
        return Task(self.ids, self._status, artifacts, tuple(self._history), dict(self._metadata))

    def feed(self, event: RunEvent) -> Iterator[Update]:  # noqa: C901, PLR0912 - one arm per event
        """Yield what changed; after the end, nothing."""
        if self._status.state in ENDED:
            return
        match event:
            case RunStarted():
                yield from self._start(event)
            case TextDelta():
                yield from self._text(event)
            case TextEnded():
                yield from self._text_ended(event)
            case ReasoningDelta():
                self._thoughts.setdefault(event.message_id, []).append(clean(event.text))
            case ReasoningEnded():
                yield from self._thought(event.message_id)
            case ToolCalled() | ToolReturned():
                yield self._goes_on(event.message_id, [DataPart(_tool_words(event))])
            case DataProduced():
                yield self._value(event)
            case ConsentRequired() | ConsentResolved():
                yield self._consent(event)
            case RunPaused():
                yield from self._pause()
            case RunResumed():
                yield self._resume(event)
            case RunCompleted() | RunFailed() | RunCanceled():
                yield from self._end(event)
            case TextStarted() | ReasoningStarted() | ToolCalling() | StateChanged():
                return
            case _:
                assert_never(event)

    def _start(self, event: RunStarted) -> Iterator[Update]:
        if self._status.state == "submitted":
            yield self._say("working", None, at=event.created_at)

    def _text(self, event: TextDelta) -> Iterator[Update]:
        if not event.text:
            return
        known = event.message_id in self._answers
        piece = clean(event.text)
        self._answers.setdefault(event.message_id, _Answer()).pieces.append(piece)
        yield ArtifactUpdate(Artifact(event.message_id, [TextPart(piece)]), append=known)

    def _text_ended(self, event: TextEnded) -> Iterator[Update]:
        """A chunk must have a part, so the last one has an empty text."""
        if event.message_id in self._answers:
            yield ArtifactUpdate(Artifact(event.message_id, [TextPart("")]), append=True, last=True)

    def _value(self, event: DataProduced) -> Update:
        part = DataPart(portable(value_of(event.data)))
        known = event.message_id in self._answers
        self._answers.setdefault(event.message_id, _Answer()).values.append(part)
        return ArtifactUpdate(Artifact(event.message_id, [part]), append=known, last=True)

    def _thought(self, message_id: str) -> Iterator[Update]:
        text = "".join(self._thoughts.pop(message_id, ()))
        if text:
            yield self._goes_on(message_id, [TextPart(text, {"type": "reasoning"})])

    def _goes_on(self, message_id: str, parts: list[Part]) -> Update:
        """Say something while the run goes on; what the user is asked for stays in force."""
        return self._say("auth-required" if self._waits else "working", Message(message_id, "agent", parts))

    def _consent(self, event: ConsentRequired | ConsentResolved) -> Update:
        """Every message of a wait says all that is waited for, so that the last one is enough."""
        news: list[Part] = []
        if isinstance(event, ConsentRequired):
            self._waits[event.request.consent_id] = _ask(event)
        else:
            self._waits.pop(event.consent_id, None)
            said = {"type": "authorization_resolved", "consent_id": event.consent_id, "outcome": event.outcome}
            news = [DataPart(said)]
        parts = [*news, *(part for wait in self._waits.values() for part in wait)]
        message = Message(event.message_id, "agent", parts)
        self._asked = message if self._waits else None
        return self._say("auth-required" if self._waits else "working", message)

    def _pause(self) -> Iterator[Update]:
        """Leave the task with what it waits for as its status, also when a tool had the last word."""
        if self._status.state != "auth-required" or self._status.message is not self._asked:
            yield self._say("auth-required", self._asked)

    def _resume(self, event: RunResumed) -> Update:
        self._waits.clear()
        self._asked = None
        return self._say("working", None, at=event.at)

    def _end(self, event: RunCompleted | RunFailed | RunCanceled) -> Iterator[Update]:
        for message_id in list(self._thoughts):
            yield from self._thought(message_id)
        if isinstance(event, RunFailed):
            yield self._say("failed", self._error(event), at=event.at)
        elif isinstance(event, RunCanceled):
            yield self._say("canceled", None, at=event.at)
        else:
            self._metadata = {"usage": dict(event.usage)} if event.usage else {}
            yield self._say("completed", None, at=event.at, metadata=dict(self._metadata))

    def _error(self, event: RunFailed) -> Message:
        data = portable({"type": "error", "code": event.code, "message": event.message})
        return Message(f"{self.ids.task}-error", "agent", [TextPart(data["message"]), DataPart(data)])

    def _say(
        self, state: State, message: Message | None, *, at: int | None = None, metadata: Json | None = None
    ) -> Update:
        """Move to a status; the message of the one before becomes history."""
        if self._status.message is not None and self._status.message is not message:
            self._history.append(self._status.message)
        self._status = Status(state, self._status.at if at is None else at, message)
        return StatusUpdate(self._status, metadata or {})


def _ask(event: ConsentRequired) -> list[Part]:
    data = {"type": "authorization_required"} | to_builtins(event.request) | {"call_id": event.call_id}
    return [TextPart(clean(consent_words(event.request))), DataPart(portable(data))]


def _tool_words(event: ToolCalled | ToolReturned) -> Any:
    said: Json = {"call_id": event.call_id, "name": event.name}
    if isinstance(event, ToolCalled):
        return portable({"type": "tool_call"} | said | {"arguments": value_of(event.arguments)})
    badge = to_builtins(event.credential) if event.credential else None
    outcome = {"ok": event.ok, "duration_ms": event.duration_ms, "error_code": event.error_code, "credential": badge}
    return portable({"type": "tool_result"} | said | {"output": event.output} | outcome)
