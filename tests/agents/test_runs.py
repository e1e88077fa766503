"""Runs: what is written, what is told, and what survives."""

import asyncio
import gc
import tracemalloc
from datetime import timedelta

import pytest
from msgspec.structs import replace

from fujie.agents.errors import ForbiddenError, RunNotFoundError, ToolsUnreachableError
from fujie.agents.runs import Principal
from fujie.agents.tool_client import ToolOutcome, ToolWaits
from fujie.llm.errors import LlmUnavailableError
from fujie.protocols.events import ConsentResolved, RunCanceled, RunCompleted, RunFailed, RunPaused, ToolReturned
from fujie.sessions.errors import ConflictError
from fujie.sessions.memory import MemoryStore
from tests.agents.doubles import (
    ALICE,
    BOB,
    NOON,
    SUNNY,
    FakeTools,
    ScriptedMind,
    World,
    alice,
    asked,
    collect,
    consent_request,
    eventually,
    kinds,
)

TEXT = ["TextStarted", "TextDelta", "TextDelta", "TextEnded"]


def world(*script, **tools) -> World:
    return World(ScriptedMind(*script), FakeTools(**tools))


async def paused_world(*after, **kwargs):
    made = world([("get_time", {})], *after, **kwargs)
    made.tools.answers["get_time"] = made.consenting_tool()
    service = made.service()
    run = await service.start(alice(), asked("time?", session_id="s"))
    events = await collect(service.execute(run))
    assert kinds(events) == ["RunStarted", "ToolCalled", "ConsentRequired", "RunPaused"]
    return made, run, events


async def test_an_answer_with_a_tool_is_told_and_logged_alike():
    made = world([("get_weather", {"city": "Hangzhou"})], "it's sunny", get_weather=SUNNY)
    service = made.service()
    run = await service.start(alice(), asked("weather?\nplease"))
    events = await collect(service.execute(run))
    assert kinds(events) == ["RunStarted", "ToolCalled", "ToolReturned", *TEXT, "RunCompleted"]
    assert await made.log(run.id) == events
    row = await made.store.run(run.id)
    assert (row.status, row.history, row.lease_expires_at) == ("completed", "+1+2", None)
    assert events[-1] == RunCompleted(int(made.clock().timestamp()), {"input_tokens": 20, "output_tokens": 2})
    assert made.mind.seen[1].results == {"call_1_0": "sunny"}
    assert (await made.store.conversation(run.conversation_id)).title == "weather?"


async def test_a_tool_is_called_for_the_run_in_the_language_of_the_question():
    made = world([("get_weather", {"city": "杭州"})], "晴 天", get_weather=SUNNY)
    service = made.service()
    run = await service.start(alice(), asked("今天天气怎么样？"))
    await collect(service.execute(run, {"sub": "chat"}))
    ((call, behalf),) = made.tools.calls
    assert call.arguments == {"city": "杭州"}
    assert (behalf.run.id, behalf.language, behalf.act) == (run.id, "zh", {"sub": "chat"})


async def test_earlier_answers_are_remembered_and_unfinished_ones_are_not():
    made = world("one two", LlmUnavailableError("no"), "three four")
    service = made.service()
    for _ in range(3):
        await collect(service.execute(await service.start(alice(), asked("?", session_id="s"))))
        made.clock.advance(seconds=1)
    assert [step.prior for step in made.mind.seen] == [[], ["+1"], ["+1"]]


async def test_the_oldest_of_a_long_conversation_are_forgotten(monkeypatch):
    monkeypatch.setattr("fujie.agents.turn.MAX_PRIOR_CHARS", 5)
    made = world("a b", "c d", "e f", "g h")
    service = made.service()
    for _ in range(4):
        await collect(service.execute(await service.start(alice(), asked("?", session_id="s"))))
        made.clock.advance(seconds=1)
    assert made.mind.seen[-1].prior == ["+2", "+3"]


async def test_a_tools_failure_is_told_to_the_model_and_the_run_goes_on():
    broken = ToolOutcome('{"error":{}}', ok=False, error_code="http_500")
    made = world([("get_weather", {})], "sorry, no", get_weather=broken)
    service = made.service()
    events = await collect(service.execute(await service.start(alice(), asked("weather?"))))
    returned = next(event for event in events if isinstance(event, ToolReturned))
    assert (returned.ok, returned.error_code) == (False, "http_500")
    assert isinstance(events[-1], RunCompleted)


@pytest.mark.parametrize(
    ("fault", "code"),
    [(LlmUnavailableError("no answer"), "llm_unavailable"), (RuntimeError("secret detail"), "internal")],
)
async def test_a_fault_fails_the_run_with_its_code_and_the_conversation_lives_on(fault, code, caplog):
    made = world(fault, "all well")
    service = made.service()
    run = await service.start(alice(), asked("?", session_id="s"))
    events = await collect(service.execute(run))
    assert isinstance(events[-1], RunFailed)
    assert events[-1].code == code
    assert "secret detail" not in events[-1].message + caplog.text
    assert run.id in caplog.text
    row = await made.store.run(run.id)
    assert (row.status, row.error) == ("failed", code)
    again = await collect(service.execute(await service.start(alice(), asked("?", session_id="s"))))
    assert isinstance(again[-1], RunCompleted)


async def test_a_tool_function_that_refuses_us_fails_the_run():
    made = world([("get_weather", {})], get_weather=ToolsUnreachableError("refused"))
    service = made.service()
    events = await collect(service.execute(await service.start(alice(), asked("?"))))
    assert events[-1].code == "tools_unreachable"


async def test_a_model_that_goes_in_circles_is_stopped(monkeypatch):
    monkeypatch.setattr("fujie.agents.turn.MAX_STEPS", 3)
    made = world(*[[("get_weather", {})]] * 9, get_weather=SUNNY)
    service = made.service()
    events = await collect(service.execute(await service.start(alice(), asked("?"))))
    assert (events[-1].code, len(made.mind.seen)) == ("step_limit", 3)


async def test_a_run_that_takes_too_long_is_failed():
    made = world(lambda: asyncio.sleep(60))
    made.deadline_s = 0.05
    service = made.service()
    events = await collect(service.execute(await service.start(alice(), asked("?"))))
    assert events[-1].code == "run_timeout"


# Who may


async def test_a_conversation_of_somebody_elses_name_is_another_also_where_the_name_imitates_it():
    made = world("to alice", "to bob", "to the other alice", "to bob, who imitates", "to alice again")
    service = made.service()
    people = [ALICE, BOB, replace(ALICE, tenant="other")]
    begun = [await service.start(Principal(user, "d"), asked("?", session_id="s")) for user in people]
    for run in begun:
        await collect(service.execute(run))
    places = [run.conversation_id for run in begun]
    assert len(set(places)) == 3
    assert {run.session_id for run in begun} == {"s"}
    imitating = await service.start(Principal(BOB, "d"), asked("?", session_id=places[2]))
    assert imitating.conversation_id not in places
    await collect(service.execute(imitating))
    by_its_id = await service.start(Principal(people[2], "d"), asked("?", session_id=places[2]))
    assert (by_its_id.conversation_id, by_its_id.session_id) == (places[2], "s")
    await collect(service.execute(by_its_id))
    assert [list(step.prior) for step in made.mind.seen][-1] == ["+3"], "its own history and nobody else's"


async def test_a_busy_conversation_and_a_used_id_are_conflicts():
    made = world("hello you")
    service = made.service()
    id_ = "response_0e974e24-0000-4000-8000-00000000abcd"
    run = await service.start(alice(), asked("?", session_id="s", id=id_))
    assert run.id == id_.removeprefix("response_")
    with pytest.raises(ConflictError) as busy:
        await service.start(alice(), asked("?", session_id="s"))
    assert busy.value.repair
    await collect(service.execute(run))
    with pytest.raises(ConflictError):
        await service.start(alice(), asked("?", session_id="s", id=id_))


# Pause and resume


async def test_a_pause_holds_nothing_and_another_worker_goes_on_after_consent():
    made, run, events = await paused_world("it's noon")
    assert events[-1] == RunPaused(("c1",))
    row = await made.store.run(run.id)
    assert (row.status, row.lease_owner, row.history) == ("waiting", "", "+1")
    assert len(asyncio.all_tasks()) == 1
    await made.settle("c1", "completed")
    more = await collect(made.service().resume(run.id))
    assert kinds(more) == ["RunResumed", "ConsentResolved", "ToolReturned", *TEXT, "RunCompleted"]
    assert await made.log(run.id) == events + more
    assert made.mind.seen[1].history == "+1"
    assert made.mind.seen[1].results == {"call_1_0": "it is noon"}
    assert [call.call_id for call, _ in made.tools.calls] == ["call_1_0", "call_1_0"]
    assert more[-1].usage == {"input_tokens": 20, "output_tokens": 2}


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("denied", "consent_denied"), ("expired", "consent_expired"), ("cancelled", "sign_in_again")],
)
async def test_the_model_is_told_that_consent_was_not_given(outcome, code):
    made, run, _ = await paused_world("then not")
    await made.settle("c1", outcome)
    more = await collect(made.service().resume(run.id))
    assert kinds(more)[:3] == ["RunResumed", "ConsentResolved", "ToolReturned"]
    assert more[1].outcome == outcome
    assert (more[2].ok, more[2].error_code) == (False, code)
    assert code in made.mind.seen[1].results["call_1_0"]
    assert len(made.tools.calls) == 1
    assert isinstance(more[-1], RunCompleted)


@pytest.mark.parametrize("status", ["requested", "bound", "returned"])
async def test_a_wake_that_comes_too_early_does_nothing(status):
    made, run, _ = await paused_world()
    await made.store.move_consent("c1", ("requested",), status)
    assert await collect(made.service().resume(run.id)) == []
    assert (await made.store.run(run.id)).status == "waiting"


async def test_a_wake_after_the_time_is_over_expires_the_consent():
    made, run, _ = await paused_world("too late")
    made.clock.advance(minutes=11)
    more = await collect(made.service().resume(run.id))
    assert more[1].outcome == "expired"
    assert (await made.store.consent("c1")).status == "expired"


async def test_what_came_back_and_nobody_completed_in_time_is_for_the_tool_to_find_out():
    made, run, _ = await paused_world("it's noon")
    await made.store.move_consent("c1", ("requested",), "returned")
    made.clock.advance(minutes=11)
    more = await collect(made.service().resume(run.id))
    assert more[1].outcome == "completed"
    assert [call.call_id for call, _ in made.tools.calls] == ["call_1_0"] * 2


async def test_a_second_delivery_is_a_no_op_also_at_the_same_time():
    made, run, events = await paused_world("it's noon")
    await made.settle("c1", "completed")
    one, other = made.service(), made.service()
    both = await asyncio.gather(collect(one.resume(run.id)), collect(other.resume(run.id)))
    assert sorted(map(len, both)) == [0, 8]
    assert await collect(one.resume(run.id)) == []
    assert len(await made.log(run.id)) == len(events) + 8


async def test_a_run_nobody_knows_cannot_be_resumed():
    with pytest.raises(RunNotFoundError):
        await collect(world().service().resume("nope"))


async def test_a_run_waits_for_every_consent_and_keeps_what_the_other_calls_gave():
    made = world([("get_time", {}), ("get_weather", {}), ("get_more", {})], "all known", get_weather=SUNNY)
    made.tools.answers["get_time"] = made.consenting_tool("c1")
    made.tools.answers["get_more"] = made.consenting_tool("c2")
    service = made.service()
    run = await service.start(alice(), asked("?"))
    events = await collect(service.execute(run))
    assert set(events[-1].waiting_for) == {"c1", "c2"}
    await made.settle("c1", "completed")
    assert await collect(service.resume(run.id)) == []
    await made.settle("c2", "denied")
    more = await collect(service.resume(run.id))
    assert {event.outcome for event in more if isinstance(event, ConsentResolved)} == {"completed", "denied"}
    results = made.mind.seen[1].results
    assert (results["call_1_0"], results["call_1_1"]) == ("it is noon", "sunny")
    assert "consent_denied" in results["call_1_2"]
    assert [call.name for call, _ in made.tools.calls].count("get_weather") == 1


async def test_a_tool_that_asks_again_pauses_again():
    made, run, _ = await paused_world("at last")

    async def ask_more(call, behalf):
        if await made.store.consent("c2"):
            return NOON
        await made.add_consent("c2", behalf.run.id, call.call_id)
        return ToolWaits(consent_request("c2"))

    made.tools.answers["get_time"] = ask_more
    await made.settle("c1", "completed")
    more = await collect(made.service().resume(run.id))
    assert kinds(more) == ["RunResumed", "ConsentResolved", "ConsentRequired", "RunPaused"]
    await made.settle("c2", "completed")
    assert isinstance((await collect(made.service().resume(run.id)))[-1], RunCompleted)


async def test_consent_given_before_the_pause_is_written_is_not_lost():
    made = world([("get_time", {})], "it's noon")
    asks = made.consenting_tool()

    async def at_once(call, behalf):
        answer = await asks(call, behalf)
        if isinstance(answer, ToolWaits):
            await made.settle("c1", "completed")
        return answer

    made.tools.answers["get_time"] = at_once
    service = made.service()
    events = await collect(service.execute(await service.start(alice(), asked("?"))))
    assert isinstance(events[-1], RunCompleted)
    assert "RunPaused" in kinds(events)


# Cancel


async def test_a_reader_that_goes_away_cancels_the_run():
    made = world(lambda: asyncio.sleep(60))
    service = made.service()
    run = await service.start(alice(), asked("?"))
    events = service.execute(run)
    await anext(events)
    await events.aclose()
    assert (await made.store.run(run.id)).status == "canceled"
    assert kinds(await made.log(run.id)) == ["RunStarted", "RunCanceled"]


async def test_a_running_run_is_canceled_by_its_own_worker():
    made = world(lambda: asyncio.sleep(60))
    service = made.service()
    run = await service.start(alice(), asked("?"))
    reading = asyncio.create_task(collect(service.execute(run)))
    await eventually(lambda: _has_event(made, run.id))
    assert await service.cancel(run.id, ALICE) == "canceled"
    assert isinstance((await reading)[-1], RunCanceled)
    assert await made.log(run.id) == await reading


async def test_a_running_run_is_canceled_from_another_worker():
    made = world(lambda: asyncio.sleep(60))
    run = await made.service().start(alice(), asked("?"))
    reading = asyncio.create_task(collect(made.service().execute(run)))
    await eventually(lambda: _has_event(made, run.id))
    assert await made.service().cancel(run.id, ALICE) == "canceled"
    assert isinstance((await reading)[-1], RunCanceled)
    assert kinds(await made.log(run.id)) == ["RunStarted", "RunCanceled"]
    assert (await made.store.run(run.id)).status == "canceled"


async def test_a_waiting_run_is_canceled_with_its_consents_and_the_conversation_goes_on():
    made, run, _ = await paused_world("hello again")
    service = made.service()
    assert await service.cancel(run.id, ALICE) == "canceled"
    assert (await made.store.consent("c1")).status == "cancelled"
    assert kinds(await made.log(run.id))[-2:] == ["ConsentResolved", "RunCanceled"]
    assert await collect(service.resume(run.id)) == []
    events = await collect(service.execute(await service.start(alice(), asked("?", session_id="s"))))
    assert isinstance(events[-1], RunCompleted)


async def test_only_its_user_cancels_a_run_and_an_ended_one_stays_ended():
    made = world("hello you")
    service = made.service()
    run = await service.start(alice(), asked("?"))
    with pytest.raises(ForbiddenError):
        await service.cancel(run.id, BOB)
    await collect(service.execute(run))
    assert await service.cancel(run.id, ALICE) == "completed"
    assert kinds(await made.log(run.id)).count("RunCanceled") == 0


class SlowlyBeginning(MemoryStore):
    """Has begun a run before who asked for it is told."""

    def __init__(self):
        super().__init__()
        self.begun, self.answers = asyncio.Event(), asyncio.Event()

    async def begin_run(self, run, title):
        await super().begin_run(run, title)
        self.begun.set()
        await self.answers.wait()


async def test_a_run_whose_asker_leaves_as_it_begins_is_canceled_and_the_conversation_goes_on():
    made = world("hello you")
    made.store = SlowlyBeginning()
    service = made.service()
    leaving = asyncio.create_task(service.start(alice(), asked("?", session_id="s")))
    await made.store.begun.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    made.store.answers.set()
    await service.close()
    (unasked,) = await made.store.runs("s")
    assert unasked.status == "canceled"
    assert kinds(await made.log(unasked.id)) == ["RunCanceled"]
    events = await collect(service.execute(await service.start(alice(), asked("?", session_id="s"))))
    assert isinstance(events[-1], RunCompleted)


# Workers that die


async def test_a_run_whose_worker_died_is_failed_as_lost_at_the_next_question():
    made = world("hello you")
    service = made.service()
    dead = await service.start(alice(), asked("?", session_id="s"))
    made.clock.advance(seconds=14)
    with pytest.raises(ConflictError):
        await service.start(alice(), asked("?", session_id="s"))
    made.clock.advance(seconds=2)
    run = await service.start(alice(), asked("?", session_id="s"))
    assert isinstance((await collect(service.execute(run)))[-1], RunCompleted)
    assert (await made.store.run(dead.id)).status == "failed"
    log = await made.log(dead.id)
    assert kinds(log) == ["RunStarted", "RunFailed"]
    assert log[-1].code == "lost"


async def test_a_worker_that_lives_keeps_its_lease():
    made = world(lambda: asyncio.sleep(60))
    service = made.service()
    run = await service.start(alice(), asked("?"))
    events = service.execute(run)
    await anext(events)
    before = run.lease_expires_at
    made.clock.advance(seconds=10)
    await eventually(lambda: _lease_after(made, run.id, before + timedelta(seconds=5)))
    await events.aclose()


async def test_a_worker_that_lost_its_lease_writes_nothing_more():
    made = world(lambda: asyncio.sleep(60))
    service = made.service()
    run = await service.start(alice(), asked("?"))
    reading = asyncio.create_task(collect(service.execute(run)))
    await eventually(lambda: _has_event(made, run.id))
    now = made.clock() + timedelta(seconds=60)
    assert await made.store.lease_run(run.id, "other", now, now + timedelta(seconds=15), ("running",))
    await reading
    assert kinds(await made.log(run.id)) == ["RunStarted"]
    assert (await made.store.run(run.id)).lease_owner == "other"


async def _has_event(made, run_id):
    return bool(await made.store.events(run_id))


async def _lease_after(made, run_id, moment):
    return (await made.store.run(run_id)).lease_expires_at > moment


async def test_500_runs_that_wait_cost_no_task_and_next_to_no_memory():
    made = world(*[[("get_time", {})]] * 501)
    service, paused = made.service(), []

    async def waits(call, behalf):
        await made.add_consent(f"c-{behalf.run.id}", behalf.run.id, call.call_id)
        return ToolWaits(consent_request(f"c-{behalf.run.id}"))

    made.tools.answers["get_time"] = waits

    async def pause(session_id):
        run = await service.start(alice(), asked("time?", session_id=session_id))
        assert kinds(await collect(service.execute(run)))[-1] == "RunPaused"
        paused.append(run.id)

    await pause("first")
    tracemalloc.start()
    try:
        before = _kept(made)
        for number in range(500):
            await pause(f"s{number}")
        grown = _kept(made) - before
    finally:
        tracemalloc.stop()
    assert len(asyncio.all_tasks()) == 1
    assert grown / 500 < 1024


def _kept(made):
    """Return the bytes that are held here, without what the store and the doubles keep instead of a database."""
    for table in vars(made.store).values():
        if isinstance(table, dict):
            table.clear()
    made.mind.seen.clear()
    made.tools.calls.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
