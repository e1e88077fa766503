"""The port Runs: both ways of keeping runs do the same for the protocols' routes."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from fujie.agents import bounds
from fujie.agents.errors import ForbiddenError, RunNotFoundError, TooBusyError
from fujie.agents.execution import Timing
from fujie.agents.port import Principal, Runs
from fujie.agents.runner import AgentRunner, StepDone
from fujie.agents.runs import RunService
from fujie.agents.transient import TransientRuns
from fujie.errors import InputError
from fujie.protocols.events import RunCanceled, RunCompleted, RunFailed, TextDelta, TextEnded, TextStarted, ToolReturned
from fujie.sessions.errors import ConflictError
from fujie.sessions.memory import MemoryStore
from tests.agents.doubles import ALICE, BOB, FakeTools, alice, asked, collect, eventually, kinds

SAID = ["RunStarted", "TextStarted", "TextDelta", "TextEnded", "RunCompleted"]


@dataclass
class Agent(AgentRunner):
    """A runner that says a word, waits until it is told to go on, and ends as the test says."""

    error: BaseException | None = None
    words: tuple[str, ...] = ("hello",)
    waits: bool = False

    def __post_init__(self):
        self.go, self.log = asyncio.Event(), []

    async def step(self, step):
        self.log.append("began")
        try:
            if self.waits:
                await self.go.wait()
            yield TextStarted("m")
            for word in self.words:
                yield TextDelta("m", word)
            if self.error:
                raise self.error
            yield TextEnded("m")
            yield StepDone("", usage={"input_tokens": 1})
        finally:
            self.log.append("closed")


def durable(agent, timeout_s=10.0):
    return RunService(MemoryStore(), agent, FakeTools(), agent="test", timing=Timing(deadline_s=timeout_s))


def transient(agent, timeout_s=10.0):
    return TransientRuns(agent, agent="test", timeout_s=timeout_s)


@pytest.fixture(params=[durable, transient])
def kept(request):
    return request.param


async def started(runs: Runs, **fields):
    return await runs.start(alice(), asked("hi", **fields))


async def test_a_run_is_told_from_start_to_end(kept):
    runs = kept(Agent())
    run = await started(runs, session_id="s")
    assert (run.conversation_id, run.user, run.status) == ("s", ALICE, "running")
    events = await collect(runs.execute(run))
    assert kinds(events) == SAID
    assert events[-1].usage == {"input_tokens": 1}
    assert (await runs.find(run.id, ALICE)).status == "completed"


async def test_ids_are_resolved_before_a_conversation_counts_as_busy(kept):
    agent = Agent(waits=True)
    runs = kept(agent)
    executing = [asyncio.create_task(collect(runs.execute(await started(runs)))) for _ in range(3)]
    agent.go.set()
    assert [kinds(events)[-1] for events in await asyncio.gather(*executing)] == ["RunCompleted"] * 3


async def test_a_conversation_runs_one_request_at_a_time_and_each_person_has_his_own_of_a_name(kept):
    agent = Agent(waits=True)
    runs = kept(agent)
    run = await started(runs, session_id="s")
    executing = asyncio.create_task(collect(runs.execute(run)))
    with pytest.raises(ConflictError):
        await started(runs, session_id="s")
    assert await runs.current("s", BOB) is None
    others = await runs.start(Principal(BOB, "dlg-bob"), asked("hi", session_id="s"))
    assert (await runs.current("s", ALICE)).id == run.id
    assert (await runs.current("s", BOB)).id == others.id
    assert (others.session_id, run.session_id) == ("s", "s"), "who asks learns nothing of the other"
    assert [each.id for each in await runs.recent(BOB, "s")] == [others.id]
    agent.go.set()
    await executing
    assert await runs.current("s", ALICE) is None
    assert kinds(await collect(runs.execute(await started(runs, session_id="s")))) == SAID


async def test_runs_that_nobody_listens_to_are_bounded_in_number(kept, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_AT_WORK", 4)
    agent = Agent(waits=True)
    runs = kept(agent)
    begun = [await started(runs) for _ in range(2)]
    for run in begun:
        runs.background(run)
    await asyncio.sleep(0)
    with pytest.raises(TooBusyError):
        await started(runs)
    agent.go.set()
    for run in begun:
        await collect(runs.watch(run.id, ALICE))
    while len(runs._background):
        await asyncio.sleep(0)
    assert kinds(await collect(runs.execute(await started(runs)))) == SAID


async def test_a_run_id_of_the_callers_choice_is_taken_once(kept):
    runs = kept(Agent())
    chosen = "0e974e24-0000-4000-8000-00000000abcd"
    run = await started(runs, id=f"response_{chosen}")
    assert run.id == chosen
    await collect(runs.execute(run))
    with pytest.raises(ConflictError):
        await started(runs, id=f"response_{chosen}")


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError("no such thing", repair="try another"), "invalid_input"), (ValueError("secret"), "internal")],
)
async def test_an_error_ends_the_run_and_only_a_named_one_is_told(kept, error, code):
    agent = Agent(error)
    runs = kept(agent)
    run = await started(runs)
    events = await collect(runs.execute(run))
    assert isinstance(events[-1], RunFailed)
    assert events[-1].code == code
    assert "secret" not in events[-1].message
    assert (await runs.find(run.id, ALICE)).status == "failed"
    assert agent.log == ["began", "closed"]


async def test_a_cancellation_that_the_agent_makes_itself_is_a_failure_of_its_own():
    runs = transient(Agent(asyncio.CancelledError()))
    assert isinstance((await collect(runs.execute(await started(runs))))[-1], RunFailed)


async def test_a_run_is_canceled_by_its_user_alone_while_the_agent_waits(kept):
    agent = Agent(waits=True)
    runs = kept(agent)
    run = await started(runs)
    executing = asyncio.create_task(collect(runs.execute(run)))
    await eventually(lambda: _began(agent))
    with pytest.raises(ForbiddenError):
        await runs.cancel(run.id, BOB)
    assert await runs.cancel(run.id, ALICE) == "canceled"
    assert kinds(await asyncio.wait_for(executing, 3)) == ["RunStarted", "RunCanceled"]
    assert agent.log == ["began", "closed"]
    assert await runs.cancel(run.id, ALICE) == "canceled"


async def test_a_run_whose_reader_does_not_read_is_canceled_at_once(kept):
    agent = Agent(words=("a",) * 1000)
    runs = kept(agent)
    run = await started(runs)
    async with aclosing(runs.execute(run)) as events:
        assert kinds([await anext(events), await anext(events)]) == ["RunStarted", "TextStarted"]
        assert await runs.cancel(run.id, ALICE) == "canceled"
        rest = await collect(events)
    assert isinstance(rest[-1], RunCanceled)
    assert (await runs.find(run.id, ALICE)).status == "canceled"


async def test_a_run_that_is_canceled_between_what_was_ready_and_a_wait_says_each_event_once():
    class Halting(AgentRunner):
        async def step(self, step):
            yield TextStarted("m")
            yield TextDelta("m", "a")
            await asyncio.Event().wait()

    runs = transient(Halting())
    run = await started(runs)
    async with aclosing(runs.execute(run)) as events:
        assert kinds([await anext(events) for _ in range(3)]) == ["RunStarted", "TextStarted", "TextDelta"]
        assert await runs.cancel(run.id, ALICE) == "canceled"
        assert kinds(await collect(events)) == ["RunCanceled"]
    assert kinds(await runs.so_far(run.id, ALICE)) == ["RunStarted", "TextStarted", "TextDelta", "RunCanceled"]


async def test_closing_the_iterator_cancels_the_run(kept):
    agent = Agent(waits=True)
    runs = kept(agent)
    run = await started(runs, session_id="s")
    events = runs.execute(run)
    assert kinds([await anext(events)]) == ["RunStarted"]
    await events.aclose()
    assert (await runs.find(run.id, ALICE)).status == "canceled"
    assert agent.log in ([], ["began", "closed"])
    agent.go.set()
    assert kinds(await collect(runs.execute(await started(runs, session_id="s")))) == SAID


async def test_a_reader_that_is_canceled_takes_the_run_with_him(kept):
    agent = Agent(waits=True)
    runs = kept(agent)
    run = await started(runs)
    reading = asyncio.create_task(collect(runs.execute(run)))
    await eventually(lambda: _began(agent))
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (await runs.find(run.id, ALICE)).status == "canceled"
    assert agent.log == ["began", "closed"]


async def test_a_run_has_a_deadline(kept):
    agent = Agent(waits=True)
    runs = kept(agent, timeout_s=0.02)
    events = await collect(runs.execute(await started(runs)))
    assert (type(events[-1]), events[-1].code) == (RunFailed, "run_timeout")
    assert agent.log == ["began", "closed"]


async def test_an_answer_has_a_longest_length(kept, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_ANSWER_CHARS", 10)
    agent = Agent(words=("four",) * 4)
    runs = kept(agent)
    events = await collect(runs.execute(await started(runs)))
    assert kinds(events)[2:] == ["TextDelta", "TextDelta", "RunFailed"]
    assert events[-1].code == "answer_too_long"
    assert agent.log == ["began", "closed"]


async def test_what_a_tool_gives_counts_toward_the_length(monkeypatch):
    monkeypatch.setattr(bounds, "MAX_ANSWER_CHARS", 10)
    with pytest.raises(Exception, match="longer"):
        bounds.Bound().count(ToolReturned("m", "c", "t", "x" * 11, ok=True, duration_ms=0))


async def test_a_run_in_the_background_goes_on_unheard_and_is_watched_from_its_first_event(kept):
    agent = Agent(waits=True)
    runs = kept(agent)
    run = await started(runs)
    runs.background(run)
    watching = [asyncio.create_task(collect(runs.watch(run.id, ALICE))) for _ in range(2)]
    await eventually(lambda: _began(agent))
    agent.go.set()
    assert [kinds(events) for events in await asyncio.gather(*watching)] == [SAID, SAID]
    assert kinds(await collect(runs.watch(run.id, ALICE))) == SAID
    assert kinds(await runs.so_far(run.id, ALICE)) == SAID


async def test_watching_is_for_the_user_alone_and_its_end_ends_nothing(kept):
    agent = Agent(waits=True)
    runs = kept(agent)
    run = await started(runs)
    executing = asyncio.create_task(collect(runs.execute(run)))
    with pytest.raises(ForbiddenError):
        await collect(runs.watch(run.id, BOB))
    with pytest.raises(ForbiddenError):
        await runs.so_far(run.id, BOB)
    watching = runs.watch(run.id, ALICE)
    assert kinds([await anext(watching)]) == ["RunStarted"]
    await watching.aclose()
    agent.go.set()
    assert kinds(await executing) == SAID


async def test_what_runs_in_the_background_ends_with_the_service(kept):
    agent = Agent(waits=True)
    runs = kept(agent)
    run = await started(runs)
    runs.background(run)
    await eventually(lambda: _began(agent))
    await runs.close()
    assert (await runs.find(run.id, ALICE)).status == "canceled"
    assert len(asyncio.all_tasks()) == 1


async def test_there_is_nothing_of_a_run_that_never_was(kept):
    runs = kept(Agent())
    with pytest.raises(RunNotFoundError):
        await runs.find("none", ALICE)
    with pytest.raises(RunNotFoundError):
        await runs.cancel("none", ALICE)
    with pytest.raises(RunNotFoundError):
        await collect(runs.watch("none", ALICE))
    assert await runs.current("none", ALICE) is None


async def test_the_row_of_a_run_tells_what_was_asked(kept):
    runs = kept(Agent())
    run = await started(runs, mine=1)
    await collect(runs.execute(run))
    assert '"mine":1' in (await runs.find(run.id, ALICE)).request


async def test_a_reader_is_told_of_the_completion_with_its_time(kept):
    runs = kept(Agent())
    events = await collect(runs.execute(await started(runs)))
    assert isinstance(events[-1], RunCompleted)
    assert events[-1].at >= events[0].created_at > 1_600_000_000


async def _began(agent):
    return agent.log


async def test_a_run_in_the_background_is_heard_event_by_event_and_waits_for_who_hears(kept):
    runs = kept(Agent(words=("a", "b")))
    told, may_go = [], asyncio.Event()

    async def heard(event):
        told.append(event)
        await may_go.wait()

    run = await started(runs)
    runs.background(run, None, heard)
    await eventually(lambda: _is(len(told) == 1))
    may_go.set()
    await eventually(lambda: _is(told[-1] is None))
    assert kinds(told) == [
        "RunStarted",
        "TextStarted",
        "TextDelta",
        "TextDelta",
        "TextEnded",
        "RunCompleted",
        "NoneType",
    ]
    assert (await runs.find(run.id, ALICE)).status == "completed"


async def _is(true):
    return true


async def test_a_persons_runs_are_listed_of_one_conversation_or_of_all(kept):
    runs = kept(Agent())
    mine = [await started(runs, session_id=name) for name in ("a", "b")]
    for run in mine:
        await collect(runs.execute(run))
    await runs.start(Principal(BOB, "dlg-bob"), asked("hi", session_id="bobs"))
    assert {run.id for run in await runs.recent(ALICE)} == {run.id for run in mine}
    assert [run.id for run in await runs.recent(ALICE, "b")] == [mine[1].id]
    assert [run.status for run in await runs.recent(ALICE, "b")] == ["completed"]
    assert list(await runs.recent(ALICE, "bobs")) == []


@pytest.mark.parametrize("make", [RunService, TransientRuns])
async def test_whoever_wants_to_know_is_told_once_that_a_run_is_over(make):
    told = []
    options = {"agent": "test", "changed": lambda runs, run: told.append((runs, run.id))}
    runs = (
        RunService(MemoryStore(), Agent(), FakeTools(), **options)
        if make is RunService
        else TransientRuns(Agent(), timeout_s=10.0, **options)
    )
    run = await started(runs)
    assert told == []
    await collect(runs.execute(run))
    assert told == [(runs, run.id)]


@dataclass
class Tidy(Agent):
    """One that takes its time to tidy up."""

    async def step(self, step):
        try:
            async for item in super().step(step):
                yield item
        finally:
            for _ in range(3):
                await asyncio.sleep(0)
            self.log.append("tidied")


@pytest.mark.parametrize("timeout_s", [10.0, 0.05])
async def test_an_agent_whose_run_is_stopped_may_take_its_time_to_tidy_up(kept, timeout_s):
    agent = Tidy(waits=True)
    runs = kept(agent, timeout_s)
    run = await started(runs)
    reading = asyncio.create_task(collect(runs.execute(run)))
    while not agent.log:
        await asyncio.sleep(0)
    if timeout_s > 1:
        await runs.cancel(run.id, ALICE)
    events = await asyncio.wait_for(reading, 5)
    assert agent.log == ["began", "closed", "tidied"]
    assert isinstance(events[-1], RunCanceled if timeout_s > 1 else RunFailed)


class Unaskable(AgentRunner):
    """One that has no words for the question."""

    def step(self, step):
        raise InputError("no such picture")


async def test_a_question_that_an_agent_cannot_be_asked_fails_its_run_and_frees_the_conversation(kept):
    runs = kept(Unaskable())
    run = await started(runs, session_id="s")
    events = await collect(runs.execute(run))
    assert kinds(events) == ["RunStarted", "RunFailed"]
    assert "no such picture" in events[-1].message
    assert (await runs.find(run.id, ALICE)).status == "failed"
    await started(runs, session_id="s")
