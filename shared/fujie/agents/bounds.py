"""How much one run may say, since every protocol repeats the whole answer at its end; how many run at once."""

from collections.abc import Iterable
from typing import NoReturn

from fujie.agents.errors import AnswerTooLongError, TooBusyError
from fujie.identity.rows import User
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

MAX_AT_WORK = 2048
"""Runs of this process that are not over, and as many of its tasks: those that nobody listens to bound nothing else."""


def chars_of(event: RunEvent) -> int:
    """Return how many characters of an event the closing events repeat."""
    name = REPEATED.get(type(event))
    return len(getattr(event, name)) if name else 0


REPEATED: dict[type[RunEvent], str] = {
    TextDelta: "text",
    ReasoningDelta: "text",
    ToolCalled: "arguments",
    ToolReturned: "output",
    DataProduced: "data",
    StateChanged: "state",
}
"""A table, since every event of every run is looked at."""


def refuse_longer() -> NoReturn:
    """Raise AnswerTooLongError, for a run that said more than it may."""
    raise AnswerTooLongError(f"the answer is longer than {MAX_ANSWER_CHARS} characters", repair="ask for less at once")


def refuse_more(at_work: int, users: Iterable[User], own: User) -> None:
    """Raise TooBusyError when so many are at work that one more is too many, in all or for one user.

    A user has not more than are free, so that there is room for another; `users` says whose is what is at work.
    """
    free = MAX_AT_WORK - at_work
    if free <= 0 or (at_work >= free and sum(is_same_person(user, own) for user in users) >= free):
        raise TooBusyError("too much is at work here for one more", repair="try again in a moment")


def is_same_person(one: User, other: User) -> bool:
    """Say whether two rows mean one person: tenant and id decide, never the name."""
    return (one.tenant, one.id) == (other.tenant, other.id)


class Bound:
    """Counts what a run says."""

    __slots__ = ("chars",)

    def __init__(self) -> None:
        self.chars = 0

    def count(self, event: RunEvent) -> None:
        """Take an event into account. Raises AnswerTooLongError when that was too much."""
        self.chars += len(event.text) if type(event) is TextDelta else chars_of(event)
        if self.chars > MAX_ANSWER_CHARS:
            refuse_longer()
