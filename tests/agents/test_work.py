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
