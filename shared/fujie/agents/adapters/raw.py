"""Functions that yield our events themselves: they go out as they are."""

from collections.abc import Iterable
from typing import Any

from fujie.agents.adapters.text import TextAdapter
from fujie.agents.errors import AgentError
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

_SAID = (
    TextStarted | TextDelta | TextEnded | ReasoningStarted | ReasoningDelta | ReasoningEnded
    | ToolCalling | ToolCalled | ToolReturned | DataProduced | StateChanged
)  # fmt: skip
_EVENTS: tuple[type[Any], ...] = RunEvent.__args__


class RawAdapter(TextAdapter):
    """An event is itself; text and values are taken as with `text`."""

    def hear(self, item: Any) -> Iterable[RunEvent]:
        """Return the event. Raises AgentError for one that is the run's to say: how it goes, what it waits for."""
        if isinstance(item, _SAID):
            return [*self.end(), item]
        if isinstance(item, _EVENTS):
            raise AgentError(f"the agent's function yielded {type(item).__name__}, which only its run may say")
        return super().hear(item)


adapter = RawAdapter
