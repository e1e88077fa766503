"""An agent heard as fast as it speaks: what it says is kept with its run until a batch is full, or the agent waits."""

from collections.abc import AsyncGenerator, Generator
from types import coroutine
from typing import Any, Final

from fujie.agents import bounds
from fujie.agents.bounds import REPEATED, chars_of, refuse_longer
from fujie.agents.live import Live
from fujie.agents.runner import Voice
from fujie.protocols.events import TextDelta

BATCH_EVENTS, BATCH_CHARS = 64, 8 * 1024
"""Of the events that are ready at once, what goes to the reader together."""
FULL: Final = object()
"""What a hearing gives to whoever steps it where there is a batch to be taken."""


async def hear_out(items: AsyncGenerator[Any, None], voice: Voice, live: Live) -> None:
    """Hear an agent until its end, or until its run is stopped. Raises AnswerTooLongError."""
    hear, limit = voice.hear, live.chars + bounds.MAX_ANSWER_CHARS
    full = live.chars + BATCH_CHARS
    async for item in items:
        live.is_stepping = False
        for event in hear(item):
            if type(event) is TextDelta:
                live.chars += len(event.text)
            elif type(event) in REPEATED:
                live.chars += chars_of(event)
            if live.chars > limit:
                refuse_longer()
            live.batch.append(event)
        if live.why is not None:
            return
        if live.chars >= full or len(live.batch) >= BATCH_EVENTS:
            await _taken()
            if live.why is not None:
                return
            full = live.chars + BATCH_CHARS
    live.has_ended = True


@coroutine
def _taken() -> Generator[Any, None, None]:
    yield FULL
