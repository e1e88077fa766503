import asyncio
import gc
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.identity.credential_cache import CredentialCache, Kept
from fujie.identity.errors import ThrottledError
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


async def test_what_ends_while_the_call_is_under_way_is_fetched_before(cache, source):
    await cache.get_or_fetch("k", source)
    assert cache.get("k", lasting=timedelta(seconds=59)) == 1
    assert cache.get("k", lasting=timedelta(seconds=60)) is None
    assert await cache.get_or_fetch("k", source, lasting=timedelta(seconds=60)) == 2


async def test_callers_of_different_keys_at_once_never_share_a_flight(cache, clock):
    sources = {key: Source(clock) for key in "ab"}
    for key, source in sources.items():
        source.fetched, source.gate = ord(key), asyncio.Event()
    callers = [asyncio.create_task(cache.get_or_fetch(key, sources[key])) for key in "ab"]
    apart = asyncio.create_task(cache.get_or_fetch("a", sources["a"], flight="run-2"))
    await asyncio.sleep(0)
    for source in sources.values():
        source.gate.set()
    assert await asyncio.gather(*callers, apart) == [ord("a") + 1, ord("b") + 1, ord("a") + 2]


@pytest.mark.parametrize("error", [None, ValueError("no"), asyncio.CancelledError()], ids=repr)
async def test_whatever_becomes_of_a_flight_that_everybody_left_the_loop_has_nothing_to_report(cache, source, error):
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context["message"]))
    source.error, source.gate = error, asyncio.Event()
    caller = asyncio.create_task(cache.get_or_fetch("k", source))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    source.gate.set()
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert reported == []
    assert not cache._flights


async def test_a_refusal_during_the_back_off_says_what_the_first_said_and_how_long_is_left(cache, source, clock):
    source.error = ThrottledError("slow down", retry_after_s=4, cloud_code="Throttling.User", request_id="r-1")
    with pytest.raises(ThrottledError):
        await cache.get_or_fetch("k", source)
    clock.advance(seconds=3)
    with pytest.raises(ThrottledError) as again:
        await cache.get_or_fetch("k", source)
    said = again.value
    assert (said.message, said.retry_after_s) == ("slow down", 1)
    assert (said.cloud_code, said.request_id) == ("Throttling.User", "r-1")
    assert source.fetched == 1
    clock.advance(seconds=1)
    source.error = None
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
