import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.identity.credential_cache import CredentialCache, Kept
from tests.identity.world import MovedClock


class Source:
    def __init__(self, clock, ttl_s=60.0):
        self.clock, self.ttl_s, self.fetched, self.gate, self.error = clock, ttl_s, 0, None, None

    async def __call__(self):
        self.fetched += 1
        number = self.fetched
        if self.gate:
            await self.gate.wait()
        if self.error:
            raise self.error
        return Kept(number, self.clock() + timedelta(seconds=self.ttl_s) if self.ttl_s is not None else None)


@pytest.fixture
def cache(clock):
    return CredentialCache(now=clock, max_entries=3)


@pytest.fixture
def source(clock):
    return Source(clock)


async def test_a_warm_call_fetches_nothing(cache, source):
    assert [await cache.get_or_fetch("k", source) for _ in range(3)] == [1, 1, 1]


async def test_what_has_ended_is_fetched_again(cache, source, clock):
    await cache.get_or_fetch("k", source)
    clock.advance(seconds=59)
    assert await cache.get_or_fetch("k", source) == 1
    clock.advance(seconds=1)
    assert await cache.get_or_fetch("k", source) == 2


async def test_a_thousand_callers_share_one_flight(cache, source):
    source.gate = asyncio.Event()
    callers = [asyncio.create_task(cache.get_or_fetch("k", source)) for _ in range(1000)]
    await asyncio.sleep(0)
    source.gate.set()
    assert set(await asyncio.gather(*callers)) == {1}
    assert source.fetched == 1


async def test_an_error_reaches_all_who_waited_and_is_not_kept(cache, source):
    source.error, source.gate = ValueError("no"), asyncio.Event()
    callers = [asyncio.create_task(cache.get_or_fetch("k", source)) for _ in range(3)]
    await asyncio.sleep(0)
    source.gate.set()
    assert [type(error) for error in await asyncio.gather(*callers, return_exceptions=True)] == [ValueError] * 3
    source.error = None
    assert await cache.get_or_fetch("k", source) == 2


async def test_who_began_may_leave_without_taking_the_others_along(cache, source):
    source.gate = asyncio.Event()
    first = asyncio.create_task(cache.get_or_fetch("k", source))
    await asyncio.sleep(0)
    second = asyncio.create_task(cache.get_or_fetch("k", source))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.gate.set()
    assert await second == 1


async def test_what_has_no_end_is_shared_in_flight_and_not_kept(cache, source):
    source.ttl_s = None
    assert await cache.get_or_fetch("k", source) == 1
    assert await cache.get_or_fetch("k", source) == 2


async def test_the_least_recently_used_goes_first(cache, clock):
    sources = {key: Source(clock) for key in "abcd"}
    for key in "abc":
        await cache.get_or_fetch(key, sources[key])
    cache.get("a")
    await cache.get_or_fetch("d", sources["d"])
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]


async def test_what_was_forgotten_is_fetched_again(cache, source):
    await cache.get_or_fetch("k", source)
    cache.forget("k")
    assert await cache.get_or_fetch("k", source) == 2


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 40), st.integers(1, 60)), max_size=60))
def test_nobody_ever_gets_another_keys_value_or_one_that_has_ended(steps):
    clock = MovedClock()
    cache = CredentialCache(now=clock, max_entries=3)

    async def play():
        for key, wait, ttl in steps:
            clock.advance(seconds=wait)
            ends = clock() + timedelta(seconds=ttl)

            async def fetch(key=key, ends=ends):
                return Kept((key, ends), ends)

            got_key, got_ends = await cache.get_or_fetch(key, fetch)
            assert got_key == key
            assert clock() < got_ends
            assert len(cache._kept) <= 3

    asyncio.run(play())
