"""A run that waits longer than it may, or that nobody woke, goes on when somebody looks."""

import asyncio

import pytest

from fujie.agents import watching
from fujie.protocols.events import ConsentResolved, RunCompleted
from fujie.sessions.errors import ConflictError
from tests.agents.doubles import ALICE, alice, asked, collect, eventually
from tests.agents.test_runs import paused_world


async def outcomes(made, run):
    return [event.outcome for event in await made.log(run.id) if isinstance(event, ConsentResolved)]


async def is_completed(made, run):
    return (await made.store.run(run.id)).status == "completed"


async def test_who_asks_how_it_stands_after_the_time_is_over_lets_it_go_on():
    made, run, _ = await paused_world("too late")
    service = made.service()
    await service.so_far(run.id, ALICE)
    assert (await made.store.run(run.id)).status == "waiting"
    made.clock.advance(minutes=11)
    for _ in range(3):
        await service.so_far(run.id, ALICE)
    await eventually(lambda: is_completed(made, run))
    assert await outcomes(made, run) == ["expired"]
    assert len(made.mind.seen) == 2
    await service.close()


async def test_who_watches_while_the_time_runs_out_sees_the_end():
    made, run, paused = await paused_world("too late")
    service = made.service()
    reading = asyncio.create_task(collect(service.watch(run.id, ALICE)))
    made.clock.advance(minutes=11)
    events = await asyncio.wait_for(reading, 5)
    assert events[: len(paused)] == paused
    assert isinstance(events[-1], RunCompleted)
    assert await outcomes(made, run) == ["expired"]


async def test_the_next_question_finds_the_conversation_free_again_after_the_time_is_over():
    made, run, _ = await paused_world("too late", "hello")
    service = made.service()
    made.clock.advance(minutes=11)
    with pytest.raises(ConflictError):
        await service.start(alice(), asked("and?", session_id="s"))
    await eventually(lambda: is_completed(made, run))
    assert (await service.start(alice(), asked("and?", session_id="s"))).status == "running"


async def test_a_run_whose_wake_up_was_lost_is_woken_by_who_watches(monkeypatch):
    monkeypatch.setattr(watching, "CHECK_S", 0.0)
    monkeypatch.setattr(watching, "NUDGE_AFTER_S", 0.0)
    made, run, _ = await paused_world("it's noon")
    await made.settle("c1", "completed")
    events = await asyncio.wait_for(collect(made.service().watch(run.id, ALICE)), 5)
    assert isinstance(events[-1], RunCompleted)
    assert await outcomes(made, run) == ["completed"]


async def test_a_run_that_still_waits_for_somebody_is_left_alone():
    made, run, _ = await paused_world("never")
    await made.add_consent("c2", run.id, "call_2")
    made.clock.advance(minutes=5)
    await made.add_consent("c3", run.id, "call_3")
    made.clock.advance(minutes=6)
    assert not await watching.is_overdue(made.store, await made.store.run(run.id), made.clock())
    await made.settle("c3", "completed")
    assert await watching.is_overdue(made.store, await made.store.run(run.id), made.clock())
