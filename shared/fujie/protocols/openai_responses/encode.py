"""Events of a run to the events of a response stream, or to one Response object, which is where they lead.

What this API has no place for is under the key `fujie`: of an item that asks for consent, `authorization_required`;
of a tool's output, `ok`, `duration_ms`, `error_code`, `credential`; of the Response, `run_id`, `session_id`,
`waiting_for`, `authorization_required` (the first that still waits), `authorizations_required`,
`authorizations_resolved`, and `error_code` (OpenAI's own codes are a closed list).
"""

from collections.abc import Iterable, Iterator

from msgspec import to_builtins

from fujie.protocols.agentscope.templates import consent_words
from fujie.protocols.agentscope.words import compact
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
from fujie.protocols.openai_responses.items import Event, Json
from fujie.protocols.openai_responses.output import Output
from fujie.protocols.openai_responses.response import Head, response_object, usage_object

_OVER = frozenset({"completed", "failed", "cancelled"})


class Encoder:
    """Turns each event into server-sent events, and knows the Response as it stands.

    Events whose sequence number is not above `after` are numbered and left out, so that a replay can be joined where
    a reader left off. A pause is said by `end`, when no more events come: its consent may be settled already and the
    answer go on. When it does, `response.in_progress` takes the number that the pause has where it is said.
    """

    def __init__(self, head: Head, after: int = -1) -> None:
        self._head = head
        self._after = after
        self._next = 0
        self._output = Output()
        self._waits: dict[str, Json] = {}
        self._resolved: list[Json] = []
        self._waiting_for: tuple[str, ...] = ()
        self._completed: RunCompleted | None = None
        self.status = "queued"
        self.fault: tuple[str, str] | None = None
        """What ended the run: a code in our words, and a message."""

    def response(self) -> Json:
        """Return the Response as it stands."""
        done = self._completed
        return response_object(
            self._head,
            self.status,
            self._output.seen(),
            completed_at=done.at if done else None,
            error={"code": "server_error", "message": self.fault[1]} if self.fault else None,
            usage=usage_object(done.usage) if done else None,
            fujie=self._fujie(),
        )

    def feed(self, event: RunEvent) -> str:
        """Return the frames of one event; after the run's end, none."""
        return "" if self.status in _OVER else self._frames(self._events(event))

    def end(self) -> str:
        """Return the frames that are due when no more events come: a pause, or that the answer was cut off."""
        if self.status == "incomplete":
            return self._frames([("incomplete", {"response": self.response()})])
        return "" if self.status in _OVER else self._frames(self._cut_off())

    def _frames(self, events: Iterable[Event]) -> str:
        return "".join(map(self._frame, events))

    def _frame(self, event: Event) -> str:
        kind, fields = event
        number, self._next = self._next, self._next + 1
        if number <= self._after:
            return ""
        data = compact({"type": f"response.{kind}", "sequence_number": number} | fields)
        return f"event: response.{kind}\ndata: {data}\n\n"

    def _events(self, event: RunEvent) -> Iterator[Event]:
        if isinstance(event, RunPaused):
            yield from self._begin()
            self.status, self._waiting_for = "incomplete", event.waiting_for
            return
        if self.status == "incomplete":
            self.status, self._waiting_for = "in_progress", ()
            yield self._state("in_progress")
        yield from self._begin()
        yield from self._of_the_output(event)
        yield from self._of_the_run(event)

    def _begin(self) -> Iterator[Event]:
        if self.status == "queued":
            self.status = "in_progress"
            yield self._state("created")
            yield self._state("in_progress")

    def _state(self, kind: str) -> Event:
        return kind, {"response": self.response()}

    def _of_the_output(self, event: RunEvent) -> Iterator[Event]:  # noqa: C901 - one arm per event
        output = self._output
        match event:
            case TextStarted():
                yield from output.begin_speech("output_text", event.message_id)
            case TextDelta():
                yield from output.say("output_text", event.message_id, event.text)
            case TextEnded():
                yield from output.end_speech("output_text", event.message_id)
            case ReasoningStarted():
                yield from output.begin_speech("reasoning_text", event.message_id)
            case ReasoningDelta():
                yield from output.say("reasoning_text", event.message_id, event.text)
            case ReasoningEnded():
                yield from output.end_speech("reasoning_text", event.message_id)
            case ToolCalling():
                yield from output.calling(event)
            case ToolCalled():
                yield from output.called(event)
            case ToolReturned():
                yield from output.returned(event)
            case DataProduced():
                yield from output.message(event.message_id, event.data)
            case ConsentRequired():
                yield from self._ask(event)

    def _of_the_run(self, event: RunEvent) -> Iterator[Event]:
        match event:
            case ConsentResolved():
                self._waits.pop(event.consent_id, None)
                self._resolved.append({"consent_id": event.consent_id, "outcome": event.outcome})
                yield self._state("in_progress")
            case RunCompleted():
                yield from self._output.close("completed")
                self.status, self._completed = "completed", event
                yield self._state("completed")
            case RunFailed():
                yield from self._fail(event.code, event.message)
            case RunCanceled():
                yield from self._output.close("incomplete")
                self.status = "cancelled"
                # the streams of this API have no word for it: an incomplete response, whose status says why
                yield self._state("incomplete")
            case RunStarted() | RunResumed() | StateChanged():
                return

    def _ask(self, event: ConsentRequired) -> Iterator[Event]:
        asked = to_builtins(event.request) | {"call_id": self._output.call_id(event.call_id)}
        self._waits[event.request.consent_id] = asked
        words = consent_words(event.request)
        yield from self._output.message(event.message_id, words, {"authorization_required": asked})

    def _cut_off(self) -> Iterator[Event]:
        yield from self._begin()
        yield from self._fail("lost", "the answer was cut off")

    def _fail(self, code: str, message: str) -> Iterator[Event]:
        yield from self._output.close("incomplete")
        self.status, self.fault = "failed", (code, message)
        yield self._state("failed")

    def _fujie(self) -> Json:
        ours: Json = {}
        if waits := list(self._waits.values()):
            ours = {"authorization_required": waits[0], "authorizations_required": waits}
        if self._resolved:
            ours["authorizations_resolved"] = list(self._resolved)
        if self._waiting_for:
            ours["waiting_for"] = list(self._waiting_for)
        if self.fault:
            ours["error_code"] = self.fault[0]
        return ours
