"""The ledger: what is in it, what it notices, and what it never costs a call."""

import asyncio
import logging
from datetime import timedelta

import pytest
from msgspec.structs import replace

from fujie.identity import ledger as module
from fujie.identity.ledger import Ledger, LedgerDamagedError, LedgerKey, actors, verify
from fujie.identity.rows import LedgerEntry
from fujie.secret import Secret
from fujie.sessions.errors import StoreUnavailableError
from tests.identity.world import ALICE, BOB, START, everything_said

KEY = LedgerKey(Secret("the ledger's key"))
ENTRY = LedgerEntry(START, "process < chat", ALICE, "run", "call", "tool", "oauth", "p", ("a",), "issued", "ok")
CANARY = Secret("canary-access-token")


@pytest.fixture
async def written(store):
    ledger = Ledger(store, KEY)
    for number in range(4):
        await ledger.record(replace(ENTRY, call_id=f"call-{number}"), CANARY if number else None)
    return store


async def test_a_ledger_as_written_verifies_to_its_length(written):
    assert await verify(written, KEY) == 4


async def test_an_empty_ledger_verifies(store):
    assert await verify(store, KEY) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"at": START + timedelta(microseconds=1)},
        {"actor": "x"},
        {"user": BOB},
        {"user": replace(ALICE, tenant="t")},
        {"user": replace(ALICE, name="n")},
        {"run_id": "x"},
        {"call_id": "x"},
        {"tool": "x"},
        {"kind": "sts"},
        {"provider": "x"},
        {"scopes": ("a", "b")},
        {"decision": "refused"},
        {"outcome": "x"},
        {"fingerprint": "x"},
        {"previous": "x"},
        {"seal": "x"},
        {"seq": 9},
    ],
    ids=str,
)
@pytest.mark.parametrize("at", [0, 3])
async def test_each_changed_field_is_noticed(written, change, at):
    written._ledger[at] = replace(written._ledger[at], **change)
    with pytest.raises(LedgerDamagedError):
        await verify(written, KEY)


async def test_a_changed_entry_that_was_chained_anew_without_the_key_is_noticed(written):
    forger, previous = LedgerKey(Secret("another key")), ""
    for index, entry in enumerate(written._ledger):
        forged = replace(entry, outcome="forged", previous=previous)
        written._ledger[index] = replace(forged, seal=forger.seal(forged))
        previous = written._ledger[index].seal
    with pytest.raises(LedgerDamagedError):
        await verify(written, KEY)


@pytest.mark.parametrize("dropped", [0, 1])
async def test_a_dropped_entry_is_noticed(written, dropped):
    del written._ledger[dropped]
    with pytest.raises(LedgerDamagedError):
        await verify(written, KEY)


async def test_a_dropped_end_is_noticed_by_the_head(written, monkeypatch):
    head = await written.ledger_head()
    del written._ledger[3]

    async def kept_head():
        return head

    monkeypatch.setattr(written, "ledger_head", kept_head)
    with pytest.raises(LedgerDamagedError, match="4 were written"):
        await verify(written, KEY)


async def test_a_head_that_was_put_back_is_noticed(written, monkeypatch):
    third = written._ledger[2]

    async def older_head():
        return third.seq, third.seal

    monkeypatch.setattr(written, "ledger_head", older_head)
    with pytest.raises(LedgerDamagedError, match="after its last"):
        await verify(written, KEY)


async def test_swapped_entries_are_noticed(written):
    one, two = written._ledger[1], written._ledger[2]
    written._ledger[1], written._ledger[2] = replace(two, seq=2), replace(one, seq=3)
    with pytest.raises(LedgerDamagedError):
        await verify(written, KEY)


async def test_what_is_written_while_one_looks_is_for_the_next_look(written, monkeypatch):
    page, ledger = written.ledger, Ledger(written, KEY)

    async def page_and_write(after=0, limit=1000):
        if not after:
            await ledger.record(ENTRY, None)
        return await page(after, limit)

    monkeypatch.setattr(written, "ledger", page_and_write)
    assert await verify(written, KEY) == 4


async def test_fingerprints_tell_credentials_apart_and_say_nothing(written):
    entries = await written.ledger()
    assert entries[0].fingerprint == ""
    assert len({entry.fingerprint for entry in entries[1:]}) == 1
    assert KEY.fingerprint(Secret("other")) != entries[1].fingerprint
    assert LedgerKey(Secret("k")).fingerprint(CANARY) != entries[1].fingerprint
    assert CANARY.reveal() not in everything_said(entries)


async def test_a_store_that_fails_costs_no_call_and_the_log_has_the_entry(store, caplog, monkeypatch):
    async def fails(*_):
        raise StoreUnavailableError("gone")

    monkeypatch.setattr(store, "append_ledger", fails)
    with caplog.at_level(logging.ERROR):
        await Ledger(store, KEY).record(ENTRY, CANARY)
    assert '"run_id":"run"' in caplog.text
    assert "StoreUnavailableError" in caplog.text
    assert CANARY.reveal() not in caplog.text


async def test_a_store_that_hangs_holds_a_call_for_a_bounded_time_and_writes_later(store, monkeypatch):
    monkeypatch.setattr(module, "WRITE_S", 0)
    append, goes_on = store.append_ledger, asyncio.Event()

    async def hangs(*arguments):
        await goes_on.wait()
        return await append(*arguments)

    monkeypatch.setattr(store, "append_ledger", hangs)
    ledger = Ledger(store, KEY)
    await ledger.record(ENTRY, None)
    assert await store.ledger() == []
    goes_on.set()
    await asyncio.gather(*ledger._late)
    assert await verify(store, KEY) == 1


def test_actors_are_named_the_last_first():
    assert actors({"sub": "process", "act": {"sub": "callback"}}) == "process < callback"
