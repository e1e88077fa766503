"""Messages that come again and again, each time as a whole and longer than before: what is new in them."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from fujie.agents.adapters.speech import Speech
from fujie.protocols.events import RunEvent

Block = Mapping[str, Any]


class Snapshots:
    """Says the new words of each snapshot. Text that was changed afterwards is said anew, as a message of its own."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._said: dict[Hashable, str] = {}

    def grown(self, key: Hashable, so_far: str, *, thought: bool) -> Iterator[RunEvent]:
        """Say what text or thought under `key` has gained."""
        said = self._said.get(key, "")
        if not so_far.startswith(said):
            yield from self._speech.close(key)
            said = ""
        self._said[key] = so_far
        speak = self._speech.thought if thought else self._speech.text
        yield from speak(key, so_far[len(said) :])

    def forget(self, keys: Sequence[Hashable]) -> Iterator[RunEvent]:
        """Close what is open under the keys; what comes under them later is new."""
        for key in keys:
            yield from self._speech.close(key)
            self._said.pop(key, None)
