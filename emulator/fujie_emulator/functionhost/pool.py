"""The instances of one function: started when needed, shared up to their concurrency, waited for within a deadline."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from fujie_emulator.core.iam import StsCredentials
from fujie_emulator.functionhost.errors import InvocationError, ThrottledError
from fujie_emulator.functionhost.instances import Instance
from fujie_emulator.functionhost.sessions import REQUESTS, Sessions
from fujie_emulator.functionhost.specification import FunctionSpec

QUEUE_DEADLINE_S = 10.0  # a caller that waits longer is told 429, unless an instance is just coming up
QUEUE_LIMIT = 1000  # callers that may wait at once; each holds its request in memory
DRAIN_S = 10.0  # how long a retired instance may finish its requests, e.g. an open stream
_LOOK_AGAIN_S = 1.0
InstanceT = TypeVar("InstanceT", bound=Instance)
Start = Callable[[StsCredentials | None], Awaitable[InstanceT]]


class Pool(Generic[InstanceT]):
    """Leases instances; at most `max_instances` run beside those that are being retired.

    Instances start in tasks of their own, so a caller that gives up does not undo the start it caused.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        start: Start[InstanceT],
        key: Callable[[], StsCredentials | None],
        failed: Callable[[InvocationError], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._spec = spec
        self._sessions: Sessions[InstanceT] | None = Sessions(spec.affinity, now) if spec.affinity else None
        self.has_room: Callable[[], bool] = lambda: True
        self._start = start
        self._key = key
        self._failed = failed
        self._instances: list[InstanceT] = []
        self._starting: set[asyncio.Task[None]] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._retired: dict[InstanceT, asyncio.Task[None]] = {}
        self._moved = asyncio.Event()
        self._closed = False

    @property
    def size(self) -> int:
        """How many instances are up or coming up."""
        return len([instance for instance in self._instances if instance.alive]) + len(self._starting)

    @property
    def in_flight(self) -> int:
        """How many leases are out, those of retired instances included."""
        return sum(instance.in_flight for instance in [*self._instances, *self._retired])

    @property
    def queued(self) -> int:
        """How many callers wait for a place."""
        return len(self._waiting)

    @asynccontextmanager
    async def lease(self, deadline_s: float = QUEUE_DEADLINE_S, session: str = "") -> AsyncIterator[InstanceT]:
        """Give an instance that has a free place, starting one when there may be another; a session has its own.

        ThrottledError when none is free in time; InstanceStartError when the new one does not come up.
        """
        instance = await self._take(asyncio.get_running_loop().time() + deadline_s, session)
        try:
            yield instance
        finally:
            instance.in_flight -= 1
            self._moved.set()
            if not instance.alive:
                self._retire(instance)
            self._wake(1)

    def limit(self, spec: FunctionSpec) -> None:
        """Go on with other limits; instances that are up stay."""
        self._spec = spec

    def warm(self) -> None:
        """Begin to start the first instance, so that the first request finds one, or all that are provisioned."""
        while not self._closed and self.size < max(1, self._spec.provisioned) and self._has_place():
            self._start_another(self._key())

    def release(self) -> bool:
        """Retire an instance that nobody uses, for another version of the function; False when there is none."""
        idle = [instance for instance in self._instances if not instance.in_flight]
        if len(self._instances) <= self._spec.provisioned or not idle:
            return False
        self._retire(idle[0])
        return True

    def retire_all(self) -> None:
        """Take every instance out of service: new callers get new ones, the old finish what they have."""
        for instance in list(self._instances):
            self._retire(instance)

    async def drained(self) -> None:
        """Retire every instance and return when all of them have ended; callers that wait are still served first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._until(lambda: not self._waiting)
        self.retire_all()
        if self._retired:
            await asyncio.wait(self._retired.values())

    async def close(self) -> None:
        """Stop everything now; callers that wait are told 429."""
        self._closed = True
        self._wake(len(self._waiting))
        for task in list(self._starting):
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        self.retire_all()
        retired = dict(self._retired)
        for task in retired.values():
            task.cancel()
        await asyncio.gather(*retired.values(), return_exceptions=True)
        await asyncio.gather(*(instance.stop(1.0) for instance in retired))

    async def _take(self, end: float, session: str) -> InstanceT:
        while not self._closed:
            key = self._key()
            for instance in [held for held in self._instances if not held.alive or held.key is not key]:
                self._retire(instance)
            if self._spec.provisioned:
                self.warm()
            free = self._free(session)
            if free is not None:
                free.in_flight += 1
                return free
            if self._may_start():
                self._start_another(key)
            await self._wait_until(end)
        raise ThrottledError(self._spec.name, self._spec.max_instances)

    def _free(self, session: str) -> InstanceT | None:
        """Return the busiest instance that has a place, so that the others may fall idle; a session has its own.

        ThrottledError when that one is full: the session cannot go elsewhere.
        """
        busy_first = sorted(self._instances, key=lambda instance: instance.in_flight, reverse=True)
        free = [one for one in busy_first if one.in_flight < self._spec.instance_concurrency]
        if self._sessions is None or not session:
            return next(iter(free), None)
        own = self._sessions.instance_of(session)
        if own is not None and own not in free:
            raise ThrottledError(self._spec.name, self._spec.max_instances)
        chosen = own or next((one for one in free if self._sessions.has_room(one)), None)
        if chosen is not None:
            self._sessions.use(session, chosen)
        return chosen

    def _has_place(self) -> bool:
        return len(self._instances) + len(self._starting) < self._spec.max_instances and self.has_room()

    def _may_start(self) -> bool:
        return len(self._waiting) >= len(self._starting) * self._places and self._has_place()

    @property
    def _places(self) -> int:
        """How many callers an instance that comes up will take, as far as is known before it is up."""
        per_instance = self._spec.affinity.per_instance if self._spec.affinity else REQUESTS
        return min(per_instance, self._spec.instance_concurrency)

    def _start_another(self, key: StsCredentials | None) -> None:
        task = asyncio.create_task(self._bring_up(key))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _bring_up(self, key: StsCredentials | None) -> None:
        try:
            instance = await self._start(key)
        except InvocationError as error:
            self._failed(error)
            self._fail_first(error)
            return
        self._instances.append(instance)
        self._wake(self._places)

    async def _wait_until(self, end: float) -> None:
        if len(self._waiting) >= QUEUE_LIMIT:
            raise ThrottledError(self._spec.name, self._spec.max_instances)
        loop = asyncio.get_running_loop()
        if loop.time() >= end and not self._starting:
            raise ThrottledError(self._spec.name, self._spec.max_instances)
        place: asyncio.Future[None] = loop.create_future()
        self._waiting.append(place)
        try:
            while not place.done():
                await asyncio.wait([place], timeout=max(0.0, min(_LOOK_AGAIN_S, end - loop.time())) or _LOOK_AGAIN_S)
                if loop.time() >= end and not place.done() and not self._starting:
                    raise ThrottledError(self._spec.name, self._spec.max_instances)
            place.result()
        except asyncio.CancelledError:
            if place.done() and place.exception() is None:
                self._wake(1)  # our turn goes to the next one
            raise
        finally:
            with contextlib.suppress(ValueError):
                self._waiting.remove(place)
            self._moved.set()

    def _wake(self, count: int) -> None:
        while self._waiting and count > 0:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                count -= 1

    def _fail_first(self, error: InvocationError) -> None:
        """Tell the caller that waited longest; the next one tries a start of its own."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(error)
                place.exception()  # seen: a caller that left meanwhile is no news
                break
        self._wake(1)

    def _retire(self, instance: InstanceT) -> None:
        if instance in self._instances:
            self._instances.remove(instance)
            if self._sessions is not None:
                self._sessions.leave(instance)
            self._retired[instance] = asyncio.create_task(self._drain(instance))

    async def _drain(self, instance: InstanceT) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._until(lambda: not instance.in_flight)
        await instance.stop()
        self._retired.pop(instance, None)

    async def _until(self, done: Callable[[], bool]) -> None:
        """Return when `done` holds; it is asked whenever a lease comes back or a caller stops waiting."""
        while not done():
            self._moved.clear()
            await self._moved.wait()
