"""Events of a run to AgentScope's server-sent events, byte for byte as its `agentscope` adapter writes them.

Pure and stateful: one encoder per stream; the same events always give the same bytes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any, ClassVar

from fujie.protocols.agentscope.templates import (
    OpenText,
    call_data,
    consent_data,
    consent_words,
    content,
    message,
    outcome,
    snapshot,
    whole_text,
)
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

_WHOLE_TEXT = (RunStarted, TextStarted, TextDelta, TextEnded, RunCompleted)
_BETWEEN = "\n\ndata: "
_TEXT_KINDS = {TextStarted: "message", ReasoningStarted: "reasoning"}


class Encoder:
    """Turns each event into the text of zero or more frames, `data: <json>` and an empty line.

    Frames whose sequence number is not above `after` are numbered but left out, so that a replay can be joined where
    a reader left off.
    """

    def __init__(self, after: int = -1) -> None:
        self._after = after
        self._next = 0
        self._is_over = False
        self.is_at_rest = False
        """Has the run ended, or paused?"""
        self._head, self._tail = '"id":"","created_at":0', '"session_id":""'
        """Of every response of this run."""
        self._open: dict[str, OpenText] = {}
        self._writing: dict[str, str] = {}
        """Calls that the model is still writing: message id -> the last data of it that was sent."""
        self._output: list[str] = []

    def feed(self, event: RunEvent) -> str:
        """Return the frames of one event."""
        return self.feed_all((event,))

    def feed_all(self, events: Sequence[RunEvent]) -> str:
        """Return the frames of several events, one after the other."""
        if len(events) == 1 and type(events[0]) is TextDelta and (said := self._piece(events[0])):
            return said
        if self._next == 0 > self._after and (whole := self._whole_text(events)):
            return whole
        bodies: list[str] = []
        add, texts, first = bodies.append, self._open, self._next
        number = first
        for event in events:
            if type(event) is TextDelta and (text := texts.get(event.message_id)):
                piece = event.text  # the path of nearly all events of a stream; a text that is open is not at rest
                if piece.isascii():
                    quoted = encode_basestring(piece)
                else:
                    piece = clean(piece)
                    quoted = string(piece)
                text.keep(piece)
                add(f'{{"sequence_number":{number}{text.before}{quoted}}}')
                number += 1
            elif not self._is_over:
                self._next = number
                bodies += self._said[type(event)](self, event)
                number = self._next
        self._next = number
        if first <= self._after:
            bodies = bodies[self._after + 1 - first :]
        return f"data: {_BETWEEN.join(bodies)}\n\n" if bodies else ""

    def _piece(self, event: TextDelta) -> str:
        """Return the frame of a piece of a text that is open, as nearly all are that come alone; nothing for others."""
        piece, number = event.text, self._next
        if (text := self._open.get(event.message_id)) is None or number <= self._after or not piece.isascii():
            return ""
        text.keep(piece)
        self._next = number + 1
        return f'data: {{"sequence_number":{number}{text.before}{encode_basestring(piece)}}}\n\n'

    def _whole_text(self, events: Sequence[RunEvent]) -> str:
        """Return the frames of a run that said one text and was done, as a short answer's are; nothing for others."""
        if (*map(type, events),) != _WHOLE_TEXT:
            return ""
        known: Any = events
        start, begun, piece, ended, done = known
        if not begun.message_id == piece.message_id == ended.message_id:
            return ""
        self._next, self.is_at_rest, self._is_over = 7, True, True
        usage = compact(done.usage) if done.usage else "null"
        return whole_text(start, string(piece.message_id), string(piece.text), done.at, usage)

    def end(self) -> str:
        """Return the frames that are due when no more events come: that the answer was cut off, if it was."""
        return "" if self.is_at_rest else self.feed(RunFailed(0, "lost", "the answer was cut off"))

    def frames(self, event: RunEvent) -> list[tuple[int, str]]:
        """Return (sequence number, JSON text) of every frame of one event; after the run's end, none."""
        first = self._next
        return [] if self._is_over else list(enumerate(self._said[type(event)](self, event), first))

    def _start(self, event: RunStarted) -> Sequence[str]:
        self._head = head = f'"id":{string(f"response_{event.run_id}")},"created_at":{event.created_at}'
        self._tail = tail = f'"session_id":{string(event.session_id)}'
        number, self._next, self.is_at_rest = self._next, self._next + 2, False
        rest = f'","error":null,{head},"completed_at":null,"output":null,"usage":null,{tail}}}'
        return (
            f'{{"sequence_number":{number},"object":"response","status":"created{rest}',
            f'{{"sequence_number":{number + 1},"object":"response","status":"in_progress{rest}',
        )

    def _number(self) -> int:
        number, self._next = self._next, self._next + 1
        self.is_at_rest = False
        return number

    def _response(
        self,
        status: str,
        error: str = "null",
        completed_at: int | str = "null",
        usage: str = "null",
        output: str = "null",
    ) -> str:
        number, self._next, self.is_at_rest = self._next, self._next + 1, False
        return (
            f'{{"sequence_number":{number},"object":"response","status":"{status}","error":{error},{self._head},'
            f'"completed_at":{completed_at},"output":{output},"usage":{usage},{self._tail}}}'
        )

    def _ending(
        self, status: str, error: str = "null", completed_at: int | str = "null", usage: str = "null"
    ) -> Sequence[str]:
        """A message that is still open is closed first: complete where the run went well, else incomplete."""
        bodies: list[str] = []
        if self._open or self._writing:
            last = "completed" if status == "completed" else "incomplete"
            for message_id in list(self._open):
                bodies += self._close(message_id, last)
            for message_id in list(self._writing):
                bodies += self._end_call(message_id, last)
        output = f"[{','.join(self._output)}]" if self._output else "null"
        bodies.append(self._response(status, error, completed_at, usage, output))
        self.is_at_rest, self._is_over = True, status != "incomplete"
        return bodies

    def _resume(self, _event: RunResumed) -> Sequence[str]:
        return (self._response("in_progress"),)

    def _pause(self, _event: RunPaused) -> Sequence[str]:
        return self._ending("incomplete")

    def _complete(self, event: RunCompleted) -> Sequence[str]:
        return self._ending("completed", "null", event.at, compact(event.usage) if event.usage else "null")

    def _fail(self, event: RunFailed) -> Sequence[str]:
        return self._ending("failed", error=compact({"code": event.code, "message": event.message}))

    def _cancel(self, _event: RunCanceled) -> Sequence[str]:
        return self._ending("canceled")

    def _begin_text(self, event: TextStarted | ReasoningStarted) -> Sequence[str]:
        if event.message_id in self._open:
            return ()
        text = self._open[event.message_id] = OpenText(string(event.message_id), _TEXT_KINDS[type(event)])
        number, self._next, self.is_at_rest = self._next, self._next + 1, False
        return (text.begin(number),)

    def _text(self, event: TextDelta | ReasoningDelta) -> Sequence[str]:
        begin = TextStarted if isinstance(event, TextDelta) else ReasoningStarted
        begun = self._begin_text(begin(event.message_id))
        return *begun, f'{{"sequence_number":{self._number()}{self._open[event.message_id].add(event.text)}}}'

    def _end_text(self, event: TextEnded | ReasoningEnded) -> Sequence[str]:
        return self._close(event.message_id, "completed")

    def _nothing(self, _event: StateChanged) -> Sequence[str]:
        return ()

    def _close(self, message_id: str, status: str) -> Sequence[str]:
        text = self._open.pop(message_id, None)
        if text is None:
            return ()
        number, self._next, self.is_at_rest = self._next, self._next + 2, False
        bodies = text.end(number, status)
        self._output.append(bodies[1])
        return bodies

    def _writes(self, event: ToolCalling) -> Sequence[str]:
        return self._calling(event.message_id, call_data(event))

    def _calling(self, message_id: str, data: str) -> Sequence[str]:
        """Say how far the call is, unless that was the last that was said of it."""
        bodies: list[str] = []
        if message_id not in self._writing:
            bodies.append(self._announce(string(message_id), "plugin_call", "assistant"))
        if self._writing.get(message_id) != data:
            self._writing[message_id] = data
            bodies.append(self._content("in_progress", "false", string(message_id), data))
        return bodies

    def _called(self, event: ToolCalled) -> Sequence[str]:
        is_new = event.message_id not in self._writing
        bare = ToolCalled(event.message_id, event.call_id, event.name, "")
        begun = self._calling(event.message_id, call_data(bare)) if is_new else ()
        rest = self._calling(event.message_id, call_data(event))
        return *begun, *rest, *self._end_call(event.message_id, "completed")

    def _end_call(self, message_id: str, status: str) -> Sequence[str]:
        data, id_ = self._writing.pop(message_id), string(message_id)
        content = self._content(status, "false", id_, data)
        return content, self._finish(id_, "plugin_call", "assistant", [snapshot(data)], status=status)

    def _returned(self, event: ToolReturned) -> Sequence[str]:
        metadata, id_ = outcome(event), string(event.message_id)
        head = f'"data":{{"call_id":{string(event.call_id)},"name":{string(event.name)}'
        empty, full = (f'{head},"output":{string(output)}}}' for output in ("", text_block(event.output)))
        return (
            self._announce(id_, "plugin_call_output", "tool", metadata),
            self._content("in_progress", "false", id_, empty),
            self._content("completed", "false", id_, full),
            self._finish(id_, "plugin_call_output", "tool", [snapshot(full)], metadata),
        )

    def _data(self, event: DataProduced) -> Sequence[str]:
        """AgentScope's data is an object; any other value goes under `value`."""
        value = value_of(event.data)
        data = f'"data":{compact(value if isinstance(value, dict) else {"value": value})}'
        id_ = string(event.message_id)
        return (
            self._announce(id_, "message", "assistant"),
            self._content("in_progress", "false", id_, data),
            self._content("completed", "false", id_, data),
            self._finish(id_, "message", "assistant", [snapshot(data)]),
        )

    def _consent(self, event: ConsentRequired | ConsentResolved) -> Sequence[str]:
        id_ = string(event.message_id)
        bodies, parts = [self._announce(id_, "message", "assistant")], []
        if isinstance(event, ConsentRequired):
            words = f'"text":{string(consent_words(event.request))}'
            bodies.append(self._content("in_progress", "true", id_, words))
            parts.append(self._content("completed", "null", id_, words))
            bodies += parts
        data, index = consent_data(event), len(parts)
        bodies.append(self._content("in_progress", "false", id_, data, index=index))
        bodies.append(self._content("completed", "false", id_, data, index=index))
        bodies.append(self._finish(id_, "message", "assistant", [*parts, snapshot(data)]))
        return bodies

    def _announce(self, id_: str, kind: str, role: str, metadata: str = "{}") -> str:
        return self._message("in_progress", id_, kind, role, "null", metadata)

    def _finish(
        self,
        id_: str,
        kind: str,
        role: str,
        parts: list[str],
        metadata: str = "{}",
        *,
        status: str = "completed",
    ) -> str:
        body = self._message(status, id_, kind, role, f"[{','.join(parts)}]", metadata)
        self._output.append(body)
        return body

    def _message(self, status: str, id_: str, kind: str, role: str, content: str, metadata: str) -> str:
        return message(self._number(), status, id_, kind, role, content, metadata)

    def _content(self, status: str, delta: str, id_: str, payload: str, *, index: int = 0) -> str:
        return content(self._number(), status, delta, id_, payload, index)

    _said: ClassVar[Mapping[type[RunEvent], Callable[[Any, Any], Sequence[str]]]] = {
        RunStarted: _start,
        TextStarted: _begin_text,
        TextDelta: _text,
        TextEnded: _end_text,
        ReasoningStarted: _begin_text,
        ReasoningDelta: _text,
        ReasoningEnded: _end_text,
        ToolCalling: _writes,
        ToolCalled: _called,
        ToolReturned: _returned,
        DataProduced: _data,
        StateChanged: _nothing,
        ConsentRequired: _consent,
        ConsentResolved: _consent,
        RunPaused: _pause,
        RunResumed: _resume,
        RunCompleted: _complete,
        RunFailed: _fail,
        RunCanceled: _cancel,
    }
    """How each event is said; a table, since a stream asks it for every event."""


def encode(events: Iterable[RunEvent], after: int = -1) -> str:
    """Return the whole stream of a log, or what follows the frame numbered `after`."""
    encoder = Encoder(after)
    return encoder.feed_all(tuple(events))
