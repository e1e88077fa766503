"""An agent heard as fast as it speaks: what it says is kept here until it goes to the reader, or the agent waits."""

from collections.abc import AsyncGenerator, Generator
from types import coroutine
from typing import Any, Final

from fujie.agents import bounds
from fujie.agents.bounds import REPEATED, chars_of, refuse_longer
from fujie.agents.live import Live
from fujie.agents.runner import Voice
from fujie.protocols.events import RunEvent, TextDelta

BATCH_EVENTS, BATCH_CHARS = 64, 8 * 1024
"""Of the events that are ready at once, what goes to the reader together."""
FULL: Final = object()
"""What a hearing gives to whoever steps it where there is a batch to be taken."""


class Hearing:
    """What an agent has said, and whoever steps its run has not taken yet."""

    __slots__ = ("_full", "batch", "chars")

    def __init__(self, batch: list[RunEvent]) -> None:
        self.batch = batch
        self.chars = 0
        """Of the whole run."""
        self._full = BATCH_CHARS

    def taken(self) -> list[RunEvent]:
        """Return what was said since this was last asked."""
        said, self.batch, self._full = self.batch, [], self.chars + BATCH_CHARS
        return said

    async def until_end(self, items: AsyncGenerator[Any, None], voice: Voice, live: Live) -> bool:
        """Hear an agent until its end, which is True, or until its run is stopped. Raises AnswerTooLongError."""
        hear, limit = voice.hear, bounds.MAX_ANSWER_CHARS
        async for item in items:
            live.is_stepping = False
            for event in hear(item):
                if type(event) is TextDelta:
                    self.chars += len(event.text)
                elif type(event) in REPEATED:
                    self.chars += chars_of(event)
                if self.chars > limit:
                    refuse_longer()
                self.batch.append(event)
            if live.why is not None:
                return False
            if self.chars >= self._full or len(self.batch) >= BATCH_EVENTS:
                await _taken()
                if live.why is not None:
                    return False
        return True


@coroutine
def _taken() -> Generator[Any, None, None]:
    yield FULL
