"""What one run says, as our events: messages are opened, gone on with and closed under keys of the framework's."""

import time
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from msgspec import Struct

from fujie.agents.adapters.json_text import json_text
from fujie.ids import new_message_id
from fujie.protocols.agentscope.words import clean
from fujie.protocols.events import (
    DataProduced,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    RunEvent,
    StateChanged,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolCalling,
    ToolReturned,
)


class _Call(Struct):
    message_id: str
    name: str
    arguments: str
    called_at: float | None = None
    """Seconds of a monotonic clock; None while the model still writes the call."""


class Speech:
    """One run's messages. A message without a word is not said at all."""

    def __init__(
        self, new_id: Callable[[], str] = new_message_id, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.new_id = new_id
        self._monotonic = monotonic
        self._texts: dict[Hashable, str] = {}
        self._thoughts: dict[Hashable, str] = {}
        self._calls: dict[str, _Call] = {}

    def text(self, key: Hashable, piece: str) -> Iterator[RunEvent]:
        """Go on with the text under `key`, or begin it, which ends a reasoning under `key`."""
        if not piece:
            return
        if key in self._thoughts:
            yield ReasoningEnded(self._thoughts.pop(key))
        if key not in self._texts:
            self._texts[key] = self.new_id()
            yield TextStarted(self._texts[key])
        yield TextDelta(self._texts[key], clean(piece))

    def thought(self, key: Hashable, piece: str) -> Iterator[RunEvent]:
        """Go on with the reasoning under `key`, or begin it, which ends a text under `key`."""
        if not piece:
            return
        if key in self._texts:
            yield TextEnded(self._texts.pop(key))
        if key not in self._thoughts:
            self._thoughts[key] = self.new_id()
            yield ReasoningStarted(self._thoughts[key])
        yield ReasoningDelta(self._thoughts[key], clean(piece))

    def close(self, key: Hashable) -> Iterator[RunEvent]:
        """Close what is open under `key`."""
        if (message_id := self._thoughts.pop(key, None)) is not None:
            yield ReasoningEnded(message_id)
        if (message_id := self._texts.pop(key, None)) is not None:
            yield TextEnded(message_id)

    def close_all(self) -> Iterator[RunEvent]:
        """Close every text and reasoning, in the order in which they were begun, reasoning first."""
        for key in [*self._thoughts, *self._texts]:
            yield from self.close(key)

    def calling(self, call_id: str, name: str, arguments: str) -> Iterator[RunEvent]:
        """Say how far the model is with a call; `arguments` is the JSON text so far."""
        if (call := self._calls.get(call_id)) is None:
            call = self._calls[call_id] = _Call(self.new_id(), name, "")
            yield ToolCalling(call.message_id, call_id, call.name, "")
        if call.called_at is not None:
            return
        call.name = call.name or name
        if arguments != call.arguments:
            call.arguments = clean(arguments)
            yield ToolCalling(call.message_id, call_id, call.name, call.arguments)

    def called(self, call_id: str, name: str = "", arguments: str | None = None) -> Iterator[RunEvent]:
        """Say that a call is complete; without `arguments` it is as far as `calling` said. A second time is no news."""
        call = self._calls.get(call_id) or self._calls.setdefault(call_id, _Call(self.new_id(), name, ""))
        if call.called_at is not None:
            return
        call.called_at = self._monotonic()
        call.name = call.name or name
        call.arguments = clean(arguments) if arguments is not None else call.arguments
        yield ToolCalled(call.message_id, call_id, call.name, call.arguments or "{}")

    def returned(
        self, call_id: str, name: str, output: str, *, ok: bool = True, error_code: str = ""
    ) -> Iterator[RunEvent]:
        """Say what a call gave; one that was not said yet is said first, so that no output stands alone."""
        yield from self.called(call_id, name)
        call = self._calls[call_id]
        took_s = self._monotonic() - (call.called_at or 0.0)
        yield ToolReturned(
            self.new_id(), call_id, name or call.name, clean(output), ok, round(took_s * 1000), error_code=error_code
        )

    def data(self, value: Any) -> Iterator[RunEvent]:
        """Say a value."""
        yield DataProduced(self.new_id(), clean(json_text(value)))

    def state(self, value: Any) -> Iterator[RunEvent]:
        """Say what the agent's state is now."""
        yield StateChanged(clean(json_text(value)))

    def end(self) -> Iterator[RunEvent]:
        """Close everything; a call that the model was writing is complete."""
        yield from self.close_all()
        for call_id in list(self._calls):
            yield from self.called(call_id)
