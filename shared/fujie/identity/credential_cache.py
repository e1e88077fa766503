"""Values that end, kept in memory: a bounded LRU, and one flight per key for all who ask at once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from fujie import clock

MAX_ENTRIES = 1024

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class Kept(Generic[V]):
    """A value and until when it may be used again; None keeps it for nobody."""

    value: V
    until: datetime | None


class CredentialCache(Generic[K, V]):
    """Keeps what `fetch` gave until its end; errors are never kept, and reach everybody who waited."""

    def __init__(self, *, max_entries: int = MAX_ENTRIES, now: clock.Clock = clock.now) -> None:
        self._kept: OrderedDict[K, Kept[V]] = OrderedDict()
        self._flights: dict[Hashable, asyncio.Task[Kept[V]]] = {}
        self._max_entries = max_entries
        self._now = now

    def get(self, key: K) -> V | None:
        """Return what is kept and has not ended."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until is None or self._now() >= kept.until:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept.value

    async def get_or_fetch(self, key: K, fetch: Callable[[], Awaitable[Kept[V]]], *, flight: Hashable = None) -> V:
        """Return what is kept, or what one fetch gives to all who ask at once.

        `flight` tells apart fetches of one key that must not be shared. A caller who is cancelled leaves the fetch
        to the others.
        """
        kept = self.get(key)
        if kept is not None:
            return kept
        under_way = (key, flight)
        task = self._flights.get(under_way)
        if task is None:
            task = asyncio.ensure_future(self._fetch(key, fetch))
            self._flights[under_way] = task
            task.add_done_callback(lambda done: self._land(under_way, done))
        return (await asyncio.shield(task)).value

    def forget(self, key: K) -> None:
        """Drop what is kept, because its receiver refused it."""
        self._kept.pop(key, None)

    async def _fetch(self, key: K, fetch: Callable[[], Awaitable[Kept[V]]]) -> Kept[V]:
        kept = await fetch()
        if kept.until is not None:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > self._max_entries:
                self._kept.popitem(last=False)
        return kept

    def _land(self, under_way: Hashable, task: "asyncio.Task[Kept[V]]") -> None:
        self._flights.pop(under_way, None)
        if not task.cancelled():
            task.exception()  # seen here, so that an abandoned failure is not reported as never retrieved
