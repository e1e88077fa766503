"""A run's events to a stream of A2A, or to the one task that answers everything else."""

from collections.abc import Callable, Iterable

from fujie.protocols.a2a.nouns import Json, Message, Task
from fujie.protocols.a2a.shape import Shape
from fujie.protocols.a2a.tasks import TaskOfRun
from fujie.protocols.agentscope.words import compact
from fujie.protocols.events import RunEvent

Envelope = Callable[[Json], Json]
"""What a transport puts around a result: JSON-RPC's object, or nothing."""


class Encoder:
    """Turns events into server-sent events, the first of which is the task as it is then.

    The first `behind` events are those that the task of that first frame already holds.
    """

    def __init__(self, task: TaskOfRun, shape: Shape, envelope: Envelope, *, behind: int = 0) -> None:
        self._task = task
        self._shape = shape
        self._envelope = envelope
        self._behind = behind
        self._seen = 0
        self._begun = False

    def feed(self, event: RunEvent) -> str:
        """Return the frames of one event."""
        updates = list(self._task.feed(event))
        self._seen += 1
        if self._seen < self._behind:
            return ""
        if not self._begun and (updates or self._seen == self._behind):
            self._begun = True
            return self._frame(self._shape.named("task", self._shape.task(self._task.whole())))
        return "".join(self._frame(self._shape.update(update, self._task.ids)) for update in updates)

    def end(self) -> str:
        """Return nothing: the last status has said all."""
        return ""

    def _frame(self, said: Json) -> str:
        return f"data: {compact(self._envelope(said))}\n\n"


def folded(run_id: str, context_id: str, question: Message | None, events: Iterable[RunEvent]) -> Task:
    """Return the task that a log of events makes."""
    task = TaskOfRun(run_id, context_id, question)
    for event in events:
        list(task.feed(event))
    return task.whole()
