"""Asynchronous invocations: on disk before they are acknowledged, delivered at least once, retried within bounds.

How often and how long, and what is told at the end, is each function's own: `Deliveries.rules_of` and `when_ended`.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.functionhost.errors import FunctionFailedError, InvocationError
from fujie_emulator.functionhost.function import HostedFunction

MAX_RETRIES = 3  # of the function's own failures: maxAsyncRetryAttempts, fc.md 2.3
MAX_AGE_S = 86_400.0  # maxAsyncEventAgeInSeconds
FIRST_BACKOFF_S = 0.5  # then doubled, as FC documents
LONGEST_BACKOFF_S = 60.0
AT_ONCE = 64  # deliveries under way; the others wait in the queue
_WAIT_S = 60.0  # how long a delivery waits for a free instance before it backs off
_SERVICE, _KIND = "fc", "delivery"


@dataclass(frozen=True)
class Rules:
    """How long the platform tries to have an event handled."""

    max_retries: int = MAX_RETRIES
    max_age_s: float = MAX_AGE_S


@dataclass(frozen=True)
class Delivery:
    """One event that waits for its function, or `name:qualifier`; `retries` counts the function's own failures."""

    request_id: str
    function: str
    payload: str
    enqueued_at: float
    retries: int = 0
    task_id: str = ""

    @property
    def event(self) -> bytes:
        """The event's bytes; the row keeps them in base64."""
        return base64.b64decode(self.payload)


@dataclass(frozen=True)
class Ended:
    """An event that is not tried again: `condition` is Success, RetriesExhausted or EventAgeExceeded."""

    delivery: Delivery
    condition: str
    answer: bytes = b""
    error_type: str = ""


class Deliveries:
    """The queue of all functions.

    What was accepted is in the store until the function has answered, so a killed emulator delivers it again.
    A row of a function that is not declared (yet) waits for it.
    """

    def __init__(self, cloud: Cloud, find: Callable[[str], HostedFunction | None]) -> None:
        self._cloud = cloud
        self._find = find
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self.rules_of: Callable[[str], Rules] = lambda _: Rules()
        self.when_moved: Callable[[Delivery, str], None] = lambda *_: None
        self.when_ended: Callable[[Ended], None] = lambda _: None

    def accept(self, function: str, event: bytes, request_id: str, task_id: str = "") -> None:
        """Put the event on disk and begin to deliver it."""
        payload = base64.b64encode(event).decode()
        delivery = Delivery(request_id, function, payload, self._cloud.clock.time(), task_id=task_id)
        self._keep(delivery)
        self.when_moved(delivery, "Enqueued")
        self._begin(delivery)

    def resume(self, function: str | None = None) -> None:
        """Begin to deliver what is on disk: all of it, or one function's now that it is declared."""
        for request_id, document in self._cloud.store.list(_SERVICE, _KIND):
            if request_id not in self._tasks and function in (None, document["function"].partition(":")[0]):
                self._begin(Delivery(**document))

    def waiting(self, function: str) -> int:
        """Return how many events of this function are not answered yet."""
        rows: list[tuple[str, dict[str, Any]]] = self._cloud.store.list(_SERVICE, _KIND)
        return sum(document["function"] == function for _, document in rows)

    async def close(self) -> None:
        """Stop delivering; what is not answered stays on disk."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks[delivery.request_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(delivery.request_id, None))

    async def _deliver(self, delivery: Delivery) -> None:
        backoff_s = FIRST_BACKOFF_S
        rules = self.rules_of(delivery.function)
        while (function := self._find(delivery.function)) is not None:
            try:
                self.when_moved(delivery, "Running")
                return self._end(Ended(delivery, "Success", await self._answer(function, delivery)))
            except FunctionFailedError as error:
                if delivery.retries >= rules.max_retries:
                    ended = Ended(delivery, "RetriesExhausted", error.body(delivery.request_id), error.error_type)
                    return self._end(ended)
                delivery = replace(delivery, retries=delivery.retries + 1)
                self._keep(delivery)
                self.when_moved(delivery, "Retrying")
            except InvocationError:
                pass  # the platform's own trouble costs no retry, only time
            if self._cloud.clock.time() - delivery.enqueued_at > rules.max_age_s:
                return self._end(Ended(delivery, "EventAgeExceeded"))
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)
        return None

    async def _answer(self, function: HostedFunction, delivery: Delivery) -> bytes:
        """Return the function's answer; a fault has the same event handed over twice, which the platform may do."""
        async with self._places:
            for _ in range(1 + self._cloud.faults.duplicates(delivery.function)):
                answer = await function.invoke(
                    delivery.event, delivery.request_id, retries=delivery.retries, wait_s=_WAIT_S
                )
        return answer

    def _end(self, ended: Ended) -> None:
        """Tell, and then forget: an emulator killed between the two tells again, as the cloud may."""
        self.when_ended(ended)
        self._forget(ended.delivery)

    def _keep(self, delivery: Delivery) -> None:
        self._cloud.store.put(_SERVICE, _KIND, delivery.request_id, asdict(delivery))

    def _forget(self, delivery: Delivery) -> None:
        self._cloud.store.delete(_SERVICE, _KIND, delivery.request_id)
