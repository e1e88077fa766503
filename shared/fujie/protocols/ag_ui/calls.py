"""Tool calls as AG-UI tells them: opened, written piece by piece, closed, answered."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec import to_builtins

from fujie.protocols.ag_ui.arguments import rest
from fujie.protocols.events import ToolCalled, ToolCalling, ToolReturned

Json = dict[str, Any]


@dataclass(slots=True)
class _Call:
    """A tool call: what of its arguments was sent, and how far it came."""

    sent: str = ""
    closed: bool = False
    answered: bool = False


@dataclass(slots=True)
class Calls:
    """The calls of one AG-UI run."""

    _known: dict[str, _Call] = field(default_factory=dict)

    def call(self, event: ToolCalling | ToolCalled) -> Iterator[Json]:
        """Yield what is new of a call; nothing when it is closed."""
        call = self._known.get(event.call_id)
        if call is None:
            call = self._known[event.call_id] = _Call()
            named = {"toolCallId": event.call_id, "toolCallName": event.name, "parentMessageId": event.message_id}
            yield {"type": "TOOL_CALL_START"} | named
        if call.closed:
            return
        if isinstance(event, ToolCalling):
            if event.arguments.startswith(call.sent):
                yield from _more(event.call_id, call, event.arguments[len(call.sent) :])
        else:
            yield from _whole(event, call)

    def result(self, event: ToolReturned) -> Iterator[Json]:
        """Yield what a call gave; it is closed first."""
        call = self._known.setdefault(event.call_id, _Call(closed=True))
        yield from _closed(event.call_id, call)
        call.answered = True
        yield {
            "type": "TOOL_CALL_RESULT",
            "messageId": event.message_id,
            "toolCallId": event.call_id,
            "content": event.output,
            "role": "tool",
            "metadata": {"fujie": _outcome(event)},
        }

    def close(self) -> Iterator[Json]:
        """Yield the ends of all that are open."""
        for id_, call in self._known.items():
            yield from _closed(id_, call)

    def pending(self) -> list[str]:
        """Return those that this run made and did not answer."""
        return [id_ for id_, call in self._known.items() if not call.answered]

    def forget(self) -> None:
        """Let no call be open, nor pending in this run: they belong to the one before."""
        self._known = {id_: _Call(closed=True, answered=True) for id_ in self._known}


def _more(id_: str, call: _Call, delta: str) -> Iterator[Json]:
    if delta:
        call.sent += delta
        yield {"type": "TOOL_CALL_ARGS", "toolCallId": id_, "delta": delta}


def _whole(event: ToolCalled, call: _Call) -> Iterator[Json]:
    """Bring the arguments to their end; where what was sent is no part of them, they are told beside."""
    more = rest(call.sent, event.arguments)
    yield from _more(event.call_id, call, more or "")
    call.closed = True
    ended: Json = {"type": "TOOL_CALL_END", "toolCallId": event.call_id}
    yield ended if more is not None else ended | {"metadata": {"fujie": {"arguments": event.arguments}}}


def _closed(id_: str, call: _Call) -> Iterator[Json]:
    if not call.closed:
        call.closed = True
        yield {"type": "TOOL_CALL_END", "toolCallId": id_}


def _outcome(event: ToolReturned) -> Json:
    return {
        "name": event.name,
        "ok": event.ok,
        "durationMs": event.duration_ms,
        "errorCode": event.error_code,
        "credential": to_builtins(event.credential) if event.credential else None,
    }
