"""The log of a run: in order, soon, and only while the run is ours."""

import asyncio
import json

import pytest

from fujie.agents import log as log_module
from fujie.agents.log import RunLog
from fujie.protocols.events import TextDelta
from fujie.sessions.errors import FencedError, StoreUnavailableError
from tests.agents.doubles import AnswersLate


class Rows:
    """The part of the store that a log uses; refuses the first `faults`."""

    def __init__(self, *faults):
        self.faults = list(faults)
        self.batches = []

    async def append_events(self, run_id, fence, first_seq, events, end=None):
        await asyncio.sleep(0)
        if self.faults:
            raise self.faults.pop(0)
        self.batches.append((first_seq, [json.loads(event)["text"] for event in events]))


def word(text):
    return TextDelta("m", text)


async def until(check):
    async with asyncio.timeout(5):
        while not check():
            await asyncio.sleep(0.001)


async def test_events_are_written_together_and_soon():
    rows = Rows()
    log = RunLog(rows, "r", 1, 5, delay_s=0.01)
    log.add(word("a"))
    log.add(word("b"))
    await asyncio.sleep(0.05)
    log.add(word("c"))
    await log.flush()
    assert rows.batches == [(5, ["a", "b"]), (7, ["c"])]
    await log.close()


async def test_a_workers_first_events_do_not_wait_for_a_batch():
    rows = Rows()
    log = RunLog(rows, "r", 1, delay_s=600)
    log.add(word("a"))
    await until(lambda: rows.batches)
    assert rows.batches == [(0, ["a"])]
    log.add(word("b"))
    await asyncio.sleep(0.03)
    assert len(rows.batches) == 1
    await log.close()


async def test_a_flush_returns_when_everything_is_written_once():
    rows = Rows()
    log = RunLog(rows, "r", 1, delay_s=0)
    for n in range(20):
        log.add(word(str(n)))
        await asyncio.sleep(0)
    await log.flush()
    assert [text for _, batch in rows.batches for text in batch] == [str(n) for n in range(20)]
    await log.close()


async def test_a_database_that_is_away_for_a_moment_loses_nothing(monkeypatch):
    monkeypatch.setattr(log_module, "RETRY_DELAY_S", 0.01)
    rows = Rows(*[StoreUnavailableError("away")] * 3)
    log = RunLog(rows, "r", 1, delay_s=0)
    log.add(word("a"))
    await until(lambda: rows.batches)
    assert rows.batches == [(0, ["a"])]
    await log.close()


async def test_a_database_that_stays_away_stops_the_run(monkeypatch):
    monkeypatch.setattr(log_module, "RETRY_DELAY_S", 0)
    log = RunLog(Rows(*[StoreUnavailableError("away")] * 99), "r", 1, delay_s=0)
    log.add(word("a"))
    await until(lambda: log._fault)
    with pytest.raises(StoreUnavailableError):
        log.add(word("b"))


async def test_an_older_fence_is_told_at_the_next_event():
    log = RunLog(Rows(FencedError("taken")), "r", 1, delay_s=0)
    log.add(word("a"))
    await until(lambda: log._fault)
    with pytest.raises(FencedError):
        log.add(word("b"))
    with pytest.raises(FencedError):
        await log.flush()


async def test_a_lone_surrogate_can_be_stored():
    rows = Rows()
    log = RunLog(rows, "r", 1)
    log.add(word("a\ud800"))
    await log.flush()
    assert rows.batches == [(0, ["a\ufffd"])]
    await log.close()


async def test_who_follows_hears_of_a_write_at_once_and_waits_no_longer_than_he_wants():
    rows = Rows()
    log = RunLog(rows, "r", 1, delay_s=600)
    following = asyncio.create_task(log.news(600))
    await asyncio.sleep(0)
    log.add(word("a"))
    await log.flush()
    await following
    await log.news(0)
    await log.close()


async def test_a_flush_outlasts_a_database_that_is_away_for_a_moment_and_no_more(monkeypatch):
    monkeypatch.setattr(log_module, "RETRY_DELAY_S", 0)
    rows = Rows(*[StoreUnavailableError("away")] * (2 * log_module.MAX_FAILURES - 1))
    log = RunLog(rows, "r", 1, delay_s=600)
    log.add(word("a"))
    with pytest.raises(StoreUnavailableError):
        await log.flush()
    await log.flush()
    assert rows.batches == [(0, ["a"])]
    await log.close()


class SlowRows(AnswersLate, Rows):
    """A write in a group cannot be taken back: it is there before who asked for it is told."""


async def test_a_write_goes_on_when_who_waits_for_it_leaves_and_what_follows_has_later_numbers():
    rows = SlowRows()
    log = RunLog(rows, "r", 1, delay_s=600)
    log.add(word("a"))
    leaving = asyncio.create_task(log.flush())
    await rows.sent.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    log.add(word("b"))
    rows.answers.set()
    await log.flush()
    assert rows.batches == [(0, ["a"]), (1, ["b"])]
    await log.close()


async def test_a_log_is_closed_once_its_writes_are_over():
    rows = SlowRows()
    log = RunLog(rows, "r", 1, delay_s=600)
    log.add(word("a"))
    leaving = asyncio.create_task(log.flush())
    await rows.sent.wait()
    leaving.cancel()
    closing = asyncio.create_task(log.close())
    await asyncio.wait([leaving])
    assert not closing.done()
    rows.answers.set()
    await closing
    assert len(asyncio.all_tasks()) == 1
