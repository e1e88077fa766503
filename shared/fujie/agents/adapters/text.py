"""Functions that yield plain text, or values: each string is a piece of one answer, anything else a value."""

from collections.abc import Iterable, Mapping
from typing import Any

from fujie.agents.adapters.speech import Speech
from fujie.ids import new_message_id
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.agentscope.words import clean
from fujie.protocols.events import RunEvent, TextDelta, TextEnded, TextStarted


class TextAdapter:
    """Its messages are the request's own; one text is open from the first word to the next value or the end."""

    def __init__(self) -> None:
        self._message_id = ""

    @property
    def usage(self) -> Mapping[str, int]:
        return {}

    def messages(self, request: AgentRequest) -> Any:
        """Return the request's messages as they are."""
        return request.input

    def hear(self, item: Any) -> Iterable[RunEvent]:
        """Return the piece of text, or the value; None says nothing."""
        if type(item) is str and item and self._message_id:  # nearly every item of a stream
            return (TextDelta(self._message_id, item if item.isascii() else clean(item)),)
        if isinstance(item, str):
            return self._said(item) if item else ()
        return () if item is None else [*self.end(), *Speech().data(item)]

    def end(self) -> Iterable[RunEvent]:
        """Close the text."""
        if not self._message_id:
            return ()
        ended, self._message_id = TextEnded(self._message_id), ""
        return (ended,)

    def _said(self, piece: str) -> Iterable[RunEvent]:
        if self._message_id:
            return (TextDelta(self._message_id, clean(piece)),)
        self._message_id = new_message_id()
        return TextStarted(self._message_id), TextDelta(self._message_id, clean(piece))


adapter = TextAdapter
