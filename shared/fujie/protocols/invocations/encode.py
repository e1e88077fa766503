"""Events of a run as server-sent JSON: a `data:` line an item, and `[DONE]` for those who wait for it."""

from fujie.protocols.agentscope.words import compact
from fujie.protocols.events import RunEvent
from fujie.protocols.invocations.items import NOTHING, Items


class Encoder:
    """Writes one stream; the first `after` items are left out, for a reader who has them."""

    def __init__(self, *, ends_with_done: bool, after: int = 0) -> None:
        self._items = Items()
        self._to_skip = after
        self._ends_with_done = ends_with_done

    def feed(self, event: RunEvent) -> str:
        """Return the frame of one event; nothing when it says nothing."""
        item = self._items.item(event)
        if item is NOTHING:
            return ""
        if self._to_skip:
            self._to_skip -= 1
            return ""
        return f"data: {compact(item)}\n\n"

    def end(self) -> str:
        """Return the frame that is due when no more events come."""
        return "data: [DONE]\n\n" if self._ends_with_done else ""
