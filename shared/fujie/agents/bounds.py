"""How much one run may say: every protocol repeats the whole answer at its end, in one piece."""

from typing import NoReturn

from fujie.agents.errors import AnswerTooLongError
from fujie.protocols.events import (
    DataProduced,
    ReasoningDelta,
    RunEvent,
    StateChanged,
    TextDelta,
    ToolCalled,
    ToolReturned,
)

MAX_ANSWER_CHARS = 4 * 1024 * 1024
"""The closing events of such an answer hold the event loop for some 70 ms, and 40 MiB for a moment."""


def chars_of(event: RunEvent) -> int:
    """Return how many characters of an event the closing events repeat."""
    match event:
        case TextDelta() | ReasoningDelta():
            return len(event.text)
        case ToolCalled():
            return len(event.arguments)
        case ToolReturned():
            return len(event.output)
        case DataProduced():
            return len(event.data)
        case StateChanged():
            return len(event.state)
    return 0


def refuse_longer() -> NoReturn:
    """Raise AnswerTooLongError, for a run that said more than it may."""
    raise AnswerTooLongError(f"the answer is longer than {MAX_ANSWER_CHARS} characters", repair="ask for less at once")


class Bound:
    """Counts what a run says."""

    __slots__ = ("chars",)

    def __init__(self) -> None:
        self.chars = 0

    def count(self, event: RunEvent) -> None:
        """Take an event into account. Raises AnswerTooLongError when that was too much."""
        self.chars += chars_of(event)
        if self.chars > MAX_ANSWER_CHARS:
            refuse_longer()
