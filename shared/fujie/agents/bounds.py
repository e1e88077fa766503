"""How much one run may say: every protocol repeats the whole answer at its end, in one piece."""

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


class Bound:
    """Counts what a run says."""

    __slots__ = ("chars",)

    def __init__(self) -> None:
        self.chars = 0

    def count(self, event: RunEvent) -> None:
        """Take an event into account. Raises AnswerTooLongError when that was too much."""
        match event:
            case TextDelta():
                self.chars += len(event.text)
            case ReasoningDelta():
                self.chars += len(event.text)
            case ToolCalled():
                self.chars += len(event.arguments)
            case ToolReturned():
                self.chars += len(event.output)
            case DataProduced():
                self.chars += len(event.data)
            case StateChanged():
                self.chars += len(event.state)
        if self.chars > MAX_ANSWER_CHARS:
            raise AnswerTooLongError(
                f"the answer is longer than {MAX_ANSWER_CHARS} characters", repair="ask for less at once"
            )
