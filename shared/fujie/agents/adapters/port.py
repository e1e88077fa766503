"""The port between what an agent developer's function yields and our events."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import RunEvent


class Adapter(Protocol):
    """Speaks one framework for one run. Does no I/O, and does not raise for an item it does not know.

    `hear` gets every item that the function yields, or the one that it returns; `end` follows when the function is
    done, not when it failed: what a failure leaves open, the protocols close in their own words.
    """

    @property
    def usage(self) -> Mapping[str, int]:
        """What the run has cost so far, as far as the framework says: `input_tokens`, `output_tokens`."""

    def messages(self, request: AgentRequest) -> Any:
        """Return the input as the framework's own messages. Raises InputError for what it has no message for."""

    def hear(self, item: Any) -> Iterable[RunEvent]:
        """Return what an item says."""

    def end(self) -> Iterable[RunEvent]:
        """Return what is due when no more items come."""
