"""One worker's hold on one run: however its work goes, the run ends once, in the store as for who listens."""

import asyncio
from contextlib import suppress

import pytest

from fujie import clock
from fujie.agents import log
from fujie.agents.execution import LEASE, Execution, Timing
from fujie.protocols.events import RunCompleted, RunStarted, event_from_json
from fujie.sessions.errors import StoreUnavailableError
from fujie.sessions.memory import MemoryStore
from fujie.sessions.rows import Run
from tests.agents.doubles import ALICE, AnswersLate, kinds


class SlowStore(AnswersLate, MemoryStore):
    """A write in a group cannot be taken back: it is there before who asked for it is told."""


async def begun(store):
    now = clock.now()
    run = Run("r", "c", ALICE, "d", "a", "running", "", "", "", now, now, "o", now + LEASE, 1)
    await store.begin_run(run, "title")
    return Execution(store, run, 0, Timing())


async def logged(store):
    return kinds(event_from_json(body) for _, body in await store.events("r"))


async def heard(execution):
    return kinds([event async for batch in execution.batches() for event in batch])


async def test_a_run_that_is_canceled_while_its_events_are_committed_ends_as_canceled():
    store = SlowStore()
    execution = await begun(store)

    async def work():
        await execution.emit(RunStarted("r", "c", 1))
        await execution.written()

    execution.begin(work())
    await store.sent.wait()
    canceling = asyncio.create_task(execution.cancel())
    await asyncio.sleep(0)
    store.answers.set()
    await canceling
    assert (await store.run("r")).status == "canceled"
    assert await logged(store) == await heard(execution) == ["RunStarted", "RunCanceled"]


class AwayAtTheEnd(MemoryStore):
    """Does not answer the first `times` that a run is to end."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    async def append_events(self, run_id, fence, first_seq, events, end=None):
        if end is not None and self.times:
            self.times -= 1
            raise StoreUnavailableError("away")
        await super().append_events(run_id, fence, first_seq, events, end)


@pytest.mark.parametrize(
    ("times", "status", "last"),
    [(log.MAX_FAILURES - 1, "completed", "RunCompleted"), (log.MAX_FAILURES, "failed", "RunFailed")],
)
async def test_a_run_at_whose_end_the_database_is_away_ends_once(monkeypatch, times, status, last):
    monkeypatch.setattr(log, "RETRY_DELAY_S", 0)
    store = AwayAtTheEnd(times)
    execution = await begun(store)

    async def work():
        await execution.emit(RunStarted("r", "c", 1))
        await execution.end(RunCompleted(1, {}), "completed")

    execution.begin(work())
    assert await heard(execution) == ["RunStarted", last]
    assert (await store.run("r")).status == status
    assert await logged(store) == ["RunStarted", last]


async def _never_ends():
    await asyncio.Event().wait()


async def _ends_nowhere(_execution):
    pass


async def _drops_that_its_end_was_not_written(execution):
    with suppress(StoreUnavailableError):
        await execution.end(RunCompleted(1, {}), "completed")


@pytest.mark.parametrize("work", [_ends_nowhere, _drops_that_its_end_was_not_written])
async def test_a_run_whose_work_is_over_without_an_end_has_failed(monkeypatch, work):
    monkeypatch.setattr(log, "RETRY_DELAY_S", 0)
    store = AwayAtTheEnd(log.MAX_FAILURES if work is _drops_that_its_end_was_not_written else 0)
    execution = await begun(store)
    execution.begin(work(execution))
    assert await heard(execution) == ["RunFailed"]
    assert (await store.run("r")).status == "failed"
    assert await logged(store) == ["RunFailed"]


async def test_who_cancels_again_waits_for_the_end_that_the_first_has_asked_for():
    store = SlowStore()
    execution = await begun(store)
    execution.begin(_never_ends())
    reading = asyncio.create_task(heard(execution))
    await asyncio.sleep(0)
    canceling = [asyncio.create_task(execution.cancel())]
    await store.sent.wait()
    for _ in range(3):
        canceling.append(asyncio.create_task(execution.cancel()))
        for _ in range(9):
            await asyncio.sleep(0)
    assert not any(each.done() for each in canceling)
    store.answers.set()
    await asyncio.gather(*canceling)
    assert await reading == await logged(store) == ["RunCanceled"]
    assert (await store.run("r")).status == "canceled"


async def test_a_run_that_is_canceled_before_its_work_began_ends_as_canceled():
    store = MemoryStore()
    execution = await begun(store)
    execution.begin(_never_ends())
    await execution.cancel()
    assert await heard(execution) == await logged(store) == ["RunCanceled"]
    assert (await store.run("r")).status == "canceled"
