"""Where notifications go: kept for each run, and in the store only under seal."""

from dataclasses import replace

import pytest
from msgspec import structs

from fujie.agents.pushes import addresses
from fujie.agents.pushes.addresses import RememberedAddresses, StoredAddresses, keys_for_addresses
from fujie.identity.keys import new_signing_key
from fujie.secret import Secret
from fujie.sessions.memory import MemoryStore
from tests.agents.pushes.test_guard import config

CONFIG = config(token="s3cret-token", scheme="Bearer", credentials="s3cret-credentials")
KEY = new_signing_key()[0]


def remembered():
    return RememberedAddresses()


def stored():
    return StoredAddresses(MemoryStore(), keys_for_addresses(KEY))


@pytest.mark.parametrize("make", [remembered, stored])
async def test_an_address_comes_back_as_it_was_until_it_is_dropped(make):
    kept = make()
    other = replace(CONFIG, id="b", version="0.3")
    for config_ in (other, CONFIG):
        await kept.put("run", config_)
    await kept.put("run-2", CONFIG)
    assert await kept.of("run") == [other, CONFIG]
    await kept.drop("run", "b")
    assert await kept.of("run") == [CONFIG]
    await kept.drop("run")
    assert (await kept.of("run"), await kept.of("run-2"), await kept.of("run-3")) == ([], [CONFIG], [])


async def test_who_reads_the_database_learns_neither_address_nor_secret():
    store = MemoryStore()
    await StoredAddresses(store, keys_for_addresses(KEY)).put("run", CONFIG)
    (row,) = await store.push_addresses("run")
    assert not {"s3cret", "hooks"} & {word for word in ("s3cret", "hooks") if word in row.sealed}


async def test_an_envelope_opens_for_its_own_run_and_for_the_key_that_sealed_it_alone():
    store = MemoryStore()
    kept = StoredAddresses(store, keys_for_addresses(KEY))
    await kept.put("run", CONFIG)
    (row,) = await store.push_addresses("run")
    await store.put_push_address(structs.replace(row, run_id="another"))
    assert await kept.of("another") == []
    assert await StoredAddresses(store, keys_for_addresses(new_signing_key()[0])).of("run") == []


async def test_a_newer_key_seals_and_the_older_one_still_opens():
    store, newer = MemoryStore(), new_signing_key()[0]
    await StoredAddresses(store, keys_for_addresses(KEY)).put("run", CONFIG)
    both = Secret(f'{{"keys": [{newer.reveal()}, {KEY.reveal()}]}}')
    assert await StoredAddresses(store, keys_for_addresses(both)).of("run") == [CONFIG]


async def test_only_the_newest_runs_are_remembered(monkeypatch):
    monkeypatch.setattr(addresses, "MAX_RUNS", 2)
    kept = RememberedAddresses()
    for run_id in "abc":
        await kept.put(run_id, CONFIG)
    assert [len(await kept.of(run_id)) for run_id in "abc"] == [0, 1, 1]
