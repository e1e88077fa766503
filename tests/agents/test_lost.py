"""Runs whose worker died: what their log shows decides whether they go on, and what they say if they do not."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from fujie.agents import runs, watching
from fujie.agents.lost import MAX_WAKES, bury_if_lost, error_of, may_wait_again
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunResumed,
    RunStarted,
    TextStarted,
    ToolCalled,
    ToolReturned,
    event_to_json,
)
from fujie.sessions.errors import ConflictError
from tests.agents.doubles import ALICE, NOON, alice, asked, collect, consent_request, eventually, kinds
from tests.agents.test_runs import paused_world, world
from tests.agents.test_watching import is_completed

STARTED, PAUSED, RESUMED = RunStarted("r", "s", 1), RunPaused(("c1",)), RunResumed(2)
CALLED, RETURNED = ToolCalled("m1", "call_1", "write", "{}"), ToolReturned("m2", "call_1", "write", "done", True, 1)
REQUIRED, RESOLVED = ConsentRequired("m3", "call_1", consent_request("c1")), ConsentResolved("m4", "c1", "completed")
ASKED = (STARTED, CALLED, REQUIRED, PAUSED)


@pytest.mark.parametrize(
    ("log", "code"),
    [
        ((), "lost"),
        ((STARTED, TextStarted("m")), "lost"),
        ((STARTED, CALLED), "outcome_unknown"),
        ((STARTED, CALLED, RETURNED), "lost"),
        ((STARTED, CALLED, ToolCalled("m5", "call_2", "read", "{}"), RETURNED), "outcome_unknown"),
        ((STARTED, CALLED, REQUIRED), "lost"),
        (ASKED, "lost"),
        ((*ASKED, RESUMED), "outcome_unknown"),
        ((*ASKED, RESUMED, RESOLVED, RETURNED), "lost"),
    ],
)
def test_the_outcome_is_unknown_where_a_call_was_made_that_nobody_saw_return(log, code):
    error = error_of(log)
    assert error.code == code
    assert ("write" in error.message or "read" in error.message) == (code == "outcome_unknown")


@pytest.mark.parametrize(
    ("log", "again"),
    [
        (ASKED, True),
        ((*ASKED, RESUMED, RESOLVED), True),
        ((*ASKED, RESUMED, RESOLVED, PAUSED, RESUMED, RESOLVED), True),
        ((*ASKED, *(RESUMED, RESOLVED, PAUSED) * MAX_WAKES), False),
        ((*ASKED, RESUMED, RESOLVED, RETURNED), False),
        ((*ASKED, RESUMED, RESOLVED, ToolCalled("m5", "call_2", "write", "{}")), False),
        ((*ASKED, RESUMED, TextStarted("m")), False),
        ((STARTED,), False),
        ((), False),
    ],
)
async def test_a_run_waits_again_where_it_made_no_call_but_those_that_waited(log, again):
    made, never_paused, _ = await paused_world()
    assert may_wait_again(await made.store.run(never_paused.id), log) is again
    assert not may_wait_again(never_paused, log)
    assert not may_wait_again(replace(await made.store.run(never_paused.id), history=""), log)


async def died(made, run, *events, status="waiting"):
    """A worker takes the run, writes these events, and is gone; its lease ends."""
    now = made.clock()
    held = await made.store.lease_run(run.id, "dead", now, now + timedelta(seconds=15), (status,))
    rows = await made.store.events(run.id)
    await made.store.append_events(run.id, held.fence, len(rows), [event_to_json(event) for event in events])
    made.clock.advance(seconds=16)


async def woken_in_vain(*events, then="it's noon"):
    made, run, _ = await paused_world(then)
    await made.settle("c1", "completed")
    await died(made, run, *events)
    return made, run


@pytest.mark.parametrize("events", [(), (RESUMED,), (RESUMED, RESOLVED)])
async def test_a_run_that_was_woken_and_whose_worker_died_goes_on_from_its_pause(events):
    made, run = await woken_in_vain(*events)
    service = made.service()
    assert (await service.find(run.id, ALICE)).status == "waiting"
    assert isinstance((await made.log(run.id))[-1], RunPaused)
    more = await collect(service.resume(run.id))
    assert isinstance(more[-1], RunCompleted)
    assert [call.call_id for call, _ in made.tools.calls] == ["call_1_0"] * 2


async def test_whoever_watches_it_wakes_it_at_once(monkeypatch):
    monkeypatch.setattr(watching, "CHECK_S", 0.0)
    made, run = await woken_in_vain(RESUMED)
    woken = []
    await watching._Minder(made.store, woken.append, made.clock).mind(run.id, 0.0)
    assert [each.status for each in woken] == ["waiting"]


async def test_a_wake_up_that_comes_again_finds_the_run_when_the_lease_of_its_dead_worker_ends(monkeypatch):
    made, run, _ = await paused_world("it's noon")
    await made.settle("c1", "completed")
    now = made.clock()
    await made.store.lease_run(run.id, "dead", now, now + timedelta(seconds=15), ("waiting",))
    waited = []

    async def until(moment, since):
        waited.append(moment - since)
        made.clock.advance(seconds=15)

    monkeypatch.setattr(runs, "_until", until)
    await made.service().wake(run.id)
    assert waited == [timedelta(seconds=15)]
    assert await is_completed(made, run)


async def test_it_leaves_the_run_to_a_worker_that_lives(monkeypatch):
    made, run, _ = await paused_world()
    await made.settle("c1", "completed")
    now = made.clock()
    held = await made.store.lease_run(run.id, "alive", now, now + timedelta(seconds=15), ("waiting",))

    async def until(moment, _):
        made.clock.advance(seconds=15)
        renewed = moment + timedelta(seconds=15)
        await made.store.save_run(run.id, held.fence, status="running", now=moment, lease_expires_at=renewed)

    monkeypatch.setattr(runs, "_until", until)
    await made.service().wake(run.id)
    row = await made.store.run(run.id)
    assert (row.status, row.fence) == ("running", held.fence)


async def test_the_next_question_wakes_it_and_waits_for_it():
    made, run = await woken_in_vain(RESUMED)
    service = made.service()
    with pytest.raises(ConflictError):
        await service.start(alice(), asked("and?", session_id="s"))
    await eventually(lambda: is_completed(made, run))
    await service.close()


async def test_a_run_that_nobody_looked_at_for_long_does_not_go_on_by_itself():
    made, run = await woken_in_vain(RESUMED)
    made.clock.advance(hours=1)
    found = await bury_if_lost(made.store, await made.store.run(run.id), now=made.clock)
    assert (found.status, found.error) == ("failed", "outcome_unknown")
    last = (await made.log(run.id))[-1]
    assert isinstance(last, RunFailed)
    assert "get_time may have taken effect" in last.message


async def test_a_call_is_in_the_log_before_it_is_made():
    seen = []

    async def tool(_call, behalf):
        seen.extend(kinds(await made.log(behalf.run.id)))
        return NOON

    made = world([("get_time", {})], "noon", get_time=tool)
    service = made.service()
    await collect(service.execute(await service.start(alice(), asked("?"))))
    assert seen == ["RunStarted", "ToolCalled"]


async def test_a_worker_whose_run_another_has_taken_makes_no_call():
    made = world([("get_time", {})], get_time=NOON)
    service = made.service()
    run = await service.start(alice(), asked("?"))
    later = made.clock() + timedelta(seconds=60)
    await made.store.lease_run(run.id, "other", later, later + timedelta(seconds=15), ("running",))
    await collect(service.execute(run))
    assert made.tools.calls == []
