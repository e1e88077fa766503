"""A run that this process alone knows: what it said, and whose turn it is."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import RunCanceled, RunCompleted, RunEvent, RunFailed, RunPaused
from fujie.sessions.rows import Run, RunStatus

if TYPE_CHECKING:
    from fujie.agents.waiting import Waiting

Place = tuple[str, str, str]
"""Tenant, user and name: sessions are each user's own."""
_STATUS: dict[type[RunEvent], RunStatus] = {
    RunCompleted: "completed",
    RunFailed: "failed",
    RunCanceled: "canceled",
    RunPaused: "waiting",
}


class Live:
    """One run: what it said, and whose turn it is."""

    __slots__ = (
        "batch", "chars", "events", "has_ended", "is_begun", "is_stepping", "news", "place", "request", "run",
        "started_at", "status", "task", "timer", "waiting", "why",
    )  # fmt: skip

    def __init__(self, run: Run, place: Place, request: AgentRequest) -> None:
        self.run = run
        self.place = place
        self.request = request
        self.started_at = time.monotonic()
        self.status: RunStatus = "running"
        self.events: list[RunEvent] = []
        self.batch: list[RunEvent] = []
        """What its agent has said beyond that, and nobody has taken yet."""
        self.chars = 0
        """Of all that its agent has said."""
        self.task: asyncio.Task[object] | None = None
        """Who waits for the agent."""
        self.timer: asyncio.TimerHandle | None = None
        self.is_begun = False
        self.is_stepping = False
        """Does it wait for its agent?"""
        self.has_ended = False
        """Has its agent said all?"""
        self.why: RunEvent | None = None
        """How the run is to end, at somebody else's word."""
        self.waiting: Waiting | None = None
        """What it waits for, while it does."""
        self.news: asyncio.Event | None = None
        """Set with each event, once somebody watches."""

    def said(self, events: list[RunEvent]) -> list[RunEvent]:
        """Take in what is said to whoever reads or watches, and return it."""
        self.events += events
        if self.news is not None:
            self.news.set()
        return events

    def taken(self) -> list[RunEvent]:
        """Say what the agent has said since this was last asked, and return it."""
        batch, self.batch = self.batch, []
        return self.said(batch)

    def begin_waiting(self, timeout_s: float, time_out: "Callable[[Live], None]") -> None:
        """Set the deadline at the first wait: an agent that never waits could not be told of it."""
        self.task = asyncio.current_task()
        passed_s = time.monotonic() - self.started_at
        self.timer = asyncio.get_running_loop().call_later(timeout_s - passed_s, time_out, self)

    def end(self, event: RunEvent) -> None:
        """Say the last event, once, and nothing else any more; what ended the run first counts."""
        if self.status == "running":
            self.status = _STATUS[type(event)]
            self.said([event])

    def finish(self, event: RunEvent) -> list[RunEvent]:
        """Say the last events, and return them; of a run that was ended from outside, that is how."""
        if self.status != "running":
            return self.events[-1:]
        self.status = _STATUS[type(event)]
        self.batch.append(event)
        return self.taken()

    def go_on(self) -> None:
        """Wait no more: the run is as one that has not begun."""
        self.status, self.waiting, self.why, self.is_begun, self.has_ended = "running", None, None, False, False
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.task = None
        self.started_at = time.monotonic()

    def stop(self, why: RunEvent) -> None:
        """End the run from outside: what the agent waits for is canceled; one that does not wait is not asked again."""
        if self.status != "running" or self.why is not None:
            return
        self.why = why
        if self.is_stepping and self.task is not None:
            self.task.cancel()
        else:
            self.end(why)
