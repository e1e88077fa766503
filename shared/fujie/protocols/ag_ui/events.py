"""Events of a run as AG-UI's: every item is opened before it goes on and closed before the run finishes.

One of these stands for one AG-UI run. A run of ours that pauses is several of AG-UI's: the pause finishes the first,
a resume begins the next, which tells what came after that pause. What AG-UI has no field for is under `fujie` in
`metadata`, or in a CUSTOM event whose name begins with `fujie.`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fujie.protocols.ag_ui import PROTOCOL_VERSION
from fujie.protocols.ag_ui.calls import Calls, Json
from fujie.protocols.ag_ui.errors import run_error
from fujie.protocols.ag_ui.interrupts import consent_data, interrupt_id, interrupts
from fujie.protocols.ag_ui.state import State
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
)

_USAGE = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "cache_read_tokens": "cachedInputTokens",
    "cache_write_tokens": "cacheWriteInputTokens",
    "reasoning_tokens": "reasoningTokens",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client said of the run it wants to read."""

    thread_id: str
    run_id: str
    """AG-UI's, which the client chose; ours is in the events."""
    parent_run_id: str = ""
    after: str = ""
    """Resuming: the consent whose pause came before; what is older is not told again."""
    restated: Sequence[Json] | None = None
    """Where part of the run was already read: the messages before it, to which the client's are put back."""


@dataclass(slots=True)
class Events:
    """Turns each event into zero or more of AG-UI's; none after the run's end."""

    asked: Asked
    over: bool = False
    _begun: bool = False
    _run_id: str = ""
    _muted: bool = False
    _texts: dict[str, None] = field(default_factory=dict)
    _thoughts: dict[str, None] = field(default_factory=dict)
    _calls: Calls = field(default_factory=Calls)
    _consents: list[ConsentRequired] = field(default_factory=list)
    _waiting_for: tuple[str, ...] | None = None
    _state: State = field(default_factory=State)

    def feed(self, event: RunEvent) -> Iterator[Json]:
        """Yield the events of one event."""
        if self.over:
            return
        yield from self._begin(event)
        told = self._told(event)
        if self._muted:
            yield from self._skip(event, told)
        else:
            yield from told

    def end(self) -> Iterator[Json]:
        """Yield what is due when no more events come: the interrupt outcome of a pause, or an error."""
        if self.over:
            return
        if self._waiting_for is None:
            yield self._last(run_error("the answer was cut off", "lost"))
            return
        if self._muted:
            self._forget()
        asked = interrupts(self._run_id, self._consents, self._waiting_for)
        yield from self._finish({"outcome": {"type": "interrupt", "interrupts": asked}})

    def is_open(self, message_id: str) -> bool:
        """Would a piece of this text be one TEXT_MESSAGE_CONTENT and nothing else?"""
        return message_id in self._texts and not self.over and not self._muted

    def _begin(self, event: RunEvent) -> Iterator[Json]:
        if self._begun:
            return
        self._begun, self._muted = True, bool(self.asked.after)
        started: Json = {
            "type": "RUN_STARTED",
            "threadId": self.asked.thread_id,
            "runId": self.asked.run_id,
            "protocolVersion": PROTOCOL_VERSION,
        }
        if self.asked.parent_run_id:
            started["parentRunId"] = self.asked.parent_run_id
        if isinstance(event, RunStarted):
            self._run_id = event.run_id
            started["metadata"] = {"fujie": {"runId": event.run_id}}
        yield started
        if self.asked.restated is not None:
            yield {"type": "MESSAGES_SNAPSHOT", "messages": list(self.asked.restated)}

    def _skip(self, event: RunEvent, told: Iterator[Json]) -> Iterator[Json]:
        """Take in what the client was told before the pause; its end, if it comes first, is told all the same."""
        skipped = list(told)
        if self.over:
            yield skipped[-1]
        elif isinstance(event, RunPaused) and self.asked.after in event.waiting_for:
            self._muted = False
            self._forget()
            yield from self._state.again()

    def _forget(self) -> None:
        """Nothing of what was skipped is open to this reader, nor pending in this run."""
        self._texts, self._thoughts = {}, {}
        self._calls.forget()

    def _told(self, event: RunEvent) -> Iterator[Json]:  # noqa: C901, PLR0912 - one arm per event
        match event:
            case TextDelta() | TextStarted() | TextEnded():
                yield from self._text(event)
            case ReasoningStarted() | ReasoningDelta() | ReasoningEnded():
                yield from self._thought(event)
            case ToolCalling() | ToolCalled():
                yield from self._calls.call(event)
            case ToolReturned():
                yield from self._calls.result(event)
            case DataProduced():
                yield from self._value(event)
            case StateChanged():
                yield from self._state.change(event.state)
            case ConsentRequired():
                self._consents.append(event)
                yield _custom("fujie.consent_required", consent_data(event))
            case ConsentResolved():
                yield _custom("fujie.consent_resolved", self._resolved(event))
            case RunPaused():
                self._waiting_for = event.waiting_for
            case RunResumed():
                self._waiting_for = None
            case RunCompleted():
                yield from self._complete(event)
            case RunCanceled():
                yield from self._finish({"outcome": {"type": "cancelled"}})
            case RunFailed():
                yield self._last(run_error(event.message, event.code))

    def _text(self, event: TextStarted | TextDelta | TextEnded) -> Iterator[Json]:
        id_ = event.message_id
        if isinstance(event, TextEnded):
            yield from self._close(self._texts, id_, "TEXT_MESSAGE_END")
            return
        if id_ not in self._texts:
            self._texts[id_] = None
            yield {"type": "TEXT_MESSAGE_START", "messageId": id_, "role": "assistant"}
        if isinstance(event, TextDelta):
            yield {"type": "TEXT_MESSAGE_CONTENT", "messageId": id_, "delta": event.text}

    def _thought(self, event: ReasoningStarted | ReasoningDelta | ReasoningEnded) -> Iterator[Json]:
        id_ = event.message_id
        if isinstance(event, ReasoningEnded):
            yield from self._close(self._thoughts, id_, "REASONING_MESSAGE_END", "REASONING_END")
            return
        if id_ not in self._thoughts:
            self._thoughts[id_] = None
            yield {"type": "REASONING_START", "messageId": id_}
            yield {"type": "REASONING_MESSAGE_START", "messageId": id_, "role": "reasoning"}
        if isinstance(event, ReasoningDelta):
            yield {"type": "REASONING_MESSAGE_CONTENT", "messageId": id_, "delta": event.text}

    def _value(self, event: DataProduced) -> Iterator[Json]:
        """Say a value as text, the one content that a message of AG-UI can have."""
        kind = {"fujie": {"contentType": "application/json"}}
        yield from self._close(self._texts, event.message_id, "TEXT_MESSAGE_END")
        named = {"messageId": event.message_id}
        yield {"type": "TEXT_MESSAGE_START", **named, "role": "assistant", "metadata": kind}
        yield {"type": "TEXT_MESSAGE_CONTENT", **named, "delta": event.data}
        yield {"type": "TEXT_MESSAGE_END", **named}

    def _resolved(self, event: ConsentResolved) -> Json:
        id_ = interrupt_id(self._run_id, event.consent_id)
        return {"interruptId": id_, "consentId": event.consent_id, "outcome": event.outcome}

    def _complete(self, event: RunCompleted) -> Iterator[Json]:
        pending = self._calls.pending()
        outcome: Json = {"type": "success"} | ({"pendingToolCallIds": pending} if pending else {})
        usage = _usage(event.usage)
        yield from self._finish({"outcome": outcome} | ({"usage": [usage]} if usage else {}))

    def _finish(self, ending: Json) -> Iterator[Json]:
        """Close what is open, then the run; an error needs no closing, since it ends what is open."""
        for id_ in list(self._texts):
            yield from self._close(self._texts, id_, "TEXT_MESSAGE_END")
        for id_ in list(self._thoughts):
            yield from self._close(self._thoughts, id_, "REASONING_MESSAGE_END", "REASONING_END")
        yield from self._calls.close()
        head = {"type": "RUN_FINISHED", "threadId": self.asked.thread_id, "runId": self.asked.run_id}
        yield self._last(head | ending)

    def _close(self, opened: dict[str, None], id_: str, *ends: str) -> Iterator[Json]:
        if id_ in opened:
            del opened[id_]
            for end in ends:
                yield {"type": end, "messageId": id_}

    def _last(self, event: Json) -> Json:
        self.over = True
        return event


def _custom(name: str, value: Json) -> Json:
    return {"type": "CUSTOM", "name": name, "value": value}


def _usage(usage: dict[str, int]) -> dict[str, int]:
    """Return a run's usage in AG-UI's words; what was not counted is left out."""
    counted = {theirs: usage[ours] for ours, theirs in _USAGE.items() if ours in usage}
    if "inputTokens" in counted and "outputTokens" in counted:
        counted["totalTokens"] = counted["inputTokens"] + counted["outputTokens"]
    return counted
