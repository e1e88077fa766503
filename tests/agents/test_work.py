"""Background work: how much of it there may be, and how long it is remembered."""

import asyncio

import pytest

from fujie.agents import bounds, work
from fujie.agents.errors import RunNotFoundError, TooBusyError
from fujie.agents.work import Work
from fujie.errors import InputError
from tests.agents.doubles import ALICE


async def _wait(go):
    await go.wait()


async def _quick():
    return "done"


async def test_as_much_as_may_be_is_at_work_at_once(monkeypatch):
    monkeypatch.setattr(bounds, "MAX_AT_WORK", 4)
    there = Work()
    for _ in range(2):
        there.begin(_wait, {"go": asyncio.Event()}, ALICE)
    with pytest.raises(TooBusyError):
        there.begin(_quick, {}, ALICE)
    await there.close()


@pytest.mark.parametrize(
    "url", ["https://hooks.exa\tmple/", "https://hooks.example/\n", "https://hooks.example/" + "x" * 2048]
)
async def test_a_webhook_that_two_readers_read_in_two_ways_is_refused(url):
    with pytest.raises(InputError):
        Work(["hooks.example"]).begin(_quick, {}, ALICE, url)


async def test_a_piece_that_runs_on_does_not_keep_those_that_ended(monkeypatch):
    monkeypatch.setattr(work, "MAX_KEPT", 2)
    there = Work()
    slow = there.begin(_wait, {"go": asyncio.Event()}, ALICE)
    pieces = []
    for _ in range(6):
        pieces.append(there.begin(_quick, {}, ALICE))
        while pieces[-1].status != "finished":
            await asyncio.sleep(0)
    assert there.find(slow.id, ALICE).status == "running"
    assert there.find(pieces[-1].id, ALICE).result == "done"
    with pytest.raises(RunNotFoundError):
        there.find(pieces[0].id, ALICE)
    await there.close()


async def _ended(there, piece):
    while piece.status in {"pending", "running"}:
        await asyncio.sleep(0)
    return piece


async def test_what_takes_too_long_is_ended():
    there, go = Work(timeout_s=0.0), asyncio.Event()
    piece = await _ended(there, there.begin(_wait, {"go": go}, ALICE))
    assert (piece.status, piece.result) == ("error", "it took longer than 0 s")


async def test_a_deadline_of_the_functions_own_is_its_failure():
    async def impatient():
        raise TimeoutError

    there = Work()
    piece = await _ended(there, there.begin(impatient, {}, ALICE))
    assert piece.result == "the task failed; the log has it under its id"


async def test_what_gives_too_much_is_ended_and_kept_results_are_bounded(monkeypatch):
    async def long(chars):
        yield "x" * chars
        yield "x" * chars

    monkeypatch.setattr(work, "MAX_ANSWER_CHARS", 100)
    monkeypatch.setattr(work, "MAX_KEPT_CHARS", 150)
    there = Work()
    assert (await _ended(there, there.begin(long, {"chars": 60}, ALICE))).status == "error"
    first, second = [await _ended(there, there.begin(long, {"chars": 40}, ALICE)) for _ in range(2)]
    assert there.find(second.id, ALICE).result == ["x" * 40] * 2
    with pytest.raises(RunNotFoundError):
        there.find(first.id, ALICE)
