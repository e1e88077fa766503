"""One worker's hold on one run: however its work goes, the run ends once, in the store as for who listens."""

import asyncio

from fujie import clock
from fujie.agents.execution import LEASE, Execution, Timing
from fujie.protocols.events import RunStarted, event_from_json
from fujie.sessions.memory import MemoryStore
from fujie.sessions.rows import Run
from tests.agents.doubles import ALICE, kinds


class SlowStore(MemoryStore):
    """Takes every write at once, as a group does that is being committed, and says so once it may."""

    def __init__(self):
        super().__init__()
        self.sent, self.answers = asyncio.Event(), asyncio.Event()

    async def append_events(self, *args):
        await super().append_events(*args)
        self.sent.set()
        await self.answers.wait()


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

    execution.begin(work)
    await store.sent.wait()
    canceling = asyncio.create_task(execution.cancel())
    await asyncio.sleep(0)
    store.answers.set()
    await canceling
    assert (await store.run("r")).status == "canceled"
    assert await logged(store) == await heard(execution) == ["RunStarted", "RunCanceled"]
