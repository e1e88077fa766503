"""Runs without a store: what is remembered of them, and for how long."""

import pytest

from fujie.agents import bounds, ended, transient
from fujie.agents.errors import RunNotFoundError
from tests.agents.doubles import ALICE, alice, asked, collect, kinds
from tests.agents.test_port import SAID, Agent, started
from tests.agents.test_port import transient as kept


async def test_runs_that_have_ended_are_forgotten_when_there_are_many(monkeypatch):
    monkeypatch.setattr(ended, "MAX_RUNS", 2)
    runs = kept(Agent())
    ids = []
    for _ in range(3):
        run = await started(runs)
        await collect(runs.execute(run))
        ids.append(run.id)
    with pytest.raises(RunNotFoundError):
        await runs.find(ids[0], ALICE)
    assert kinds(await collect(runs.watch(ids[2], ALICE))) == SAID


async def test_long_answers_are_forgotten_sooner(monkeypatch):
    monkeypatch.setattr(ended, "MAX_CHARS", 7)
    runs = kept(Agent(words=("12345",)))
    for _ in range(2):
        run = await started(runs)
        await collect(runs.execute(run))
    assert len(runs._runs) == 1


async def test_answers_of_many_pieces_are_forgotten_sooner_but_for_the_last_ones(monkeypatch):
    monkeypatch.setattr(ended, "MAX_EVENTS", 50)
    monkeypatch.setattr(ended, "MIN_RUNS", 3)
    runs, kept_runs = kept(Agent(words=("1",) * 20)), []
    for _ in range(6):
        run = await started(runs)
        await collect(runs.execute(run))
        kept_runs.append(len(runs._runs))
    assert kept_runs == [1, 2, 3, 3, 3, 3]


async def test_a_run_that_nobody_executed_keeps_its_conversation_busy_for_a_moment_alone(monkeypatch):
    monkeypatch.setattr(transient, "BEGIN_S", -1)
    runs = kept(Agent())
    await started(runs, session_id="s")
    assert kinds(await collect(runs.execute(await started(runs, session_id="s")))) == SAID


async def test_runs_that_nobody_executed_take_no_place_for_good(monkeypatch):
    monkeypatch.setattr(transient, "BEGIN_S", -1)
    monkeypatch.setattr(bounds, "MAX_AT_WORK", 2)
    runs = kept(Agent())
    for _ in range(5):
        await started(runs)
    assert len(runs._busy) <= 2


async def test_a_run_is_executed_once():
    runs = kept(Agent())
    run = await runs.start(alice(), asked("hi"))
    await collect(runs.execute(run))
    with pytest.raises(RunNotFoundError):
        await collect(runs.execute(run))


async def test_no_run_waits_here():
    runs = kept(Agent())
    run = await started(runs)
    await collect(runs.execute(run))
    assert await collect(runs.resume(run.id)) == []
