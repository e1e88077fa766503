"""Runs that have ended: remembered so that a client that lost its connection can read the rest, within a bound.

The bound is small on purpose: memory that every run passes through costs time, and what has to last needs a store.
"""

from collections import deque

from fujie.agents.live import Live

MAX_RUNS = 32
MAX_CHARS = 4 * 1024 * 1024
MAX_EVENTS = 2048
"""A piece of a stream takes some hundred bytes, whatever it says."""
MIN_RUNS = 8
"""The last ones are remembered whatever the number of their events."""


class Ended:
    """The last runs of a process."""

    __slots__ = ("_chars", "_events", "_runs")

    def __init__(self) -> None:
        self._runs: deque[Live] = deque()
        self._chars = self._events = 0

    def add(self, live: Live) -> list[Live]:
        """Remember a run that says nothing more, and return those that are forgotten for it."""
        runs, forgotten = self._runs, []
        runs.append(live)
        self._chars += live.chars
        self._events += len(live.events)
        while len(runs) > MAX_RUNS or self._chars > MAX_CHARS or (self._events > MAX_EVENTS and len(runs) > MIN_RUNS):
            oldest = runs.popleft()
            self._chars -= oldest.chars
            self._events -= len(oldest.events)
            forgotten.append(oldest)
        return forgotten
