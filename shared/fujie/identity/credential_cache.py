"""Values that end, kept in memory: a bounded LRU, and one flight per key for all who ask at once.

Errors are not kept, but for one: what the cloud throttles is not asked again before its time, at most MAX_BACKOFF_S.
What is kept may be read from any thread; fetches belong to one event loop.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar

from fujie import clock
from fujie.identity.errors import ThrottledError

MAX_ENTRIES = 1024
MAX_BACKOFF_S = 5.0
"""A cloud that asks for more patience is asked again anyway after this: its answer may have been for somebody else."""
NO_TIME = timedelta(0)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class Kept(Generic[V]):
    """A value and until when it may be used again; None keeps it for nobody."""

    value: V
    until: datetime | None


class CredentialCache(Generic[K, V]):
    """Keeps what `fetch` gave until its end; an error reaches everybody who waited for that fetch."""

    def __init__(self, *, max_entries: int = MAX_ENTRIES, now: clock.Clock = clock.now) -> None:
        self._kept: OrderedDict[K, Kept[V]] = OrderedDict()
        self._throttled: OrderedDict[K, Kept[ThrottledError]] = OrderedDict()
        self._flights: dict[Hashable, asyncio.Task[Kept[V]]] = {}
        self._max_entries = max_entries
        self._now = now
        self._lock = Lock()

    def get(self, key: K, *, lasting: timedelta = NO_TIME) -> V | None:
        """Return what is kept and will not have ended after `lasting`, the time for which it is needed."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            now = self._now()
            if kept.until is None or now >= kept.until:
                del self._kept[key]
                return None
            if lasting and now + lasting >= kept.until:
                return None
            self._kept.move_to_end(key)
            return kept.value

    async def get_or_fetch(
        self,
        key: K,
        fetch: Callable[[], Awaitable[Kept[V]]],
        *,
        flight: Hashable = None,
        lasting: timedelta = NO_TIME,
    ) -> V:
        """Return what is kept, or what one fetch gives to all who ask at once.

        `flight` tells apart fetches of one key that must not be shared. A caller who is cancelled leaves the fetch
        to the others. Raises what the fetch raised, and ThrottledError without a fetch during a back-off.
        """
        kept = self.get(key, lasting=lasting)
        if kept is not None:
            return kept
        self._refuse_during_backoff(key)
        under_way = (key, flight)
        task = self._flights.get(under_way)
        if task is None:
            task = asyncio.ensure_future(self._fetch(key, fetch))
            self._flights[under_way] = task
            task.add_done_callback(lambda done: self._land(under_way, done))
        return (await asyncio.shield(task)).value

    def put(self, key: K, kept: Kept[V]) -> None:
        """Keep a value that came another way."""
        with self._lock:
            _keep(self._kept, key, kept, self._max_entries)

    def forget(self, key: K) -> None:
        """Drop what is kept, because its receiver refused it."""
        with self._lock:
            self._kept.pop(key, None)

    async def _fetch(self, key: K, fetch: Callable[[], Awaitable[Kept[V]]]) -> Kept[V]:
        try:
            kept = await fetch()
        except ThrottledError as error:
            patience = timedelta(seconds=min(error.retry_after_s, MAX_BACKOFF_S))
            _keep(self._throttled, key, Kept(error, self._now() + patience), self._max_entries)
            raise
        if kept.until is not None:
            self.put(key, kept)
        return kept

    def _refuse_during_backoff(self, key: K) -> None:
        throttled = self._throttled.get(key)
        if throttled is None or throttled.until is None:
            return
        left = (throttled.until - self._now()).total_seconds()
        if left <= 0:
            del self._throttled[key]
            return
        first = throttled.value
        raise ThrottledError(
            first.message, retry_after_s=left, cloud_code=first.cloud_code, request_id=first.request_id
        )

    def _land(self, under_way: Hashable, task: "asyncio.Task[Kept[V]]") -> None:
        self._flights.pop(under_way, None)
        if not task.cancelled():
            task.exception()  # seen here, so that an abandoned failure is not reported as never retrieved


def _keep(kept: "OrderedDict[K, Kept[V]]", key: K, value: Kept[V], max_entries: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > max_entries:
        kept.popitem(last=False)
