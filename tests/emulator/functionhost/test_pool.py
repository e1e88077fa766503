"""The pool as a value: no processes, only the rules of leasing."""

import asyncio
from pathlib import Path

import pytest

from fujie_emulator.functionhost.errors import InstanceStartError, ThrottledError
from fujie_emulator.functionhost.pool import Pool
from fujie_emulator.functionhost.specification import FunctionSpec


class Double:
    """An instance that only exists."""

    def __init__(self, key=None):
        self.key, self.in_flight, self.alive, self.stopped = key, 0, True, False

    async def stop(self, grace_s=3.0):
        self.stopped = True


class Starts:
    """Starts doubles; may be slow, may fail."""

    def __init__(self):
        self.made, self.failures, self.delay_s, self.key = [], 0, 0.0, None

    async def __call__(self, key):
        await asyncio.sleep(self.delay_s)
        if self.failures:
            self.failures -= 1
            raise InstanceStartError("CAExited", "no")
        self.made.append(Double(key))
        return self.made[-1]


@pytest.fixture
def starts():
    return Starts()


@pytest.fixture
async def pool(starts, request):
    concurrency, most = getattr(request, "param", (1, 2))
    spec = FunctionSpec("f", "custom", Path("/"), instance_concurrency=concurrency, max_instances=most)
    made = Pool(spec, starts, lambda: starts.key, lambda _: None)
    yield made
    await made.close()
    assert all(instance.stopped for instance in starts.made)
    assert (made.in_flight, made.queued, made.size) == (0, 0, 0)


async def hold(pool, release, deadline_s=5.0):
    async with pool.lease(deadline_s) as instance:
        await release.wait()
        return instance


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_instances_grow_to_the_limit_then_callers_wait(pool, starts):
    release = asyncio.Event()
    holding = [asyncio.create_task(hold(pool, release)) for _ in range(5)]
    await settle()
    assert (pool.size, pool.in_flight, pool.queued) == (2, 2, 3)
    release.set()
    assert {id(instance) for instance in await asyncio.gather(*holding)} == {id(instance) for instance in starts.made}
    assert (pool.in_flight, pool.queued) == (0, 0)


@pytest.mark.parametrize("pool", [(10, 3)], indirect=True)
async def test_one_start_serves_all_who_wait_for_its_places(pool, starts):
    starts.delay_s = 0.05
    release = asyncio.Event()
    holding = [asyncio.create_task(hold(pool, release)) for _ in range(10)]
    await asyncio.sleep(0.1)
    assert (len(starts.made), pool.in_flight) == (1, 10)
    release.set()
    await asyncio.gather(*holding)


async def test_a_caller_is_throttled_at_its_deadline_but_not_while_an_instance_comes_up(pool, starts):
    starts.delay_s = 0.2
    async with pool.lease(0.01), pool.lease(0.01):
        starts.delay_s = 0
        with pytest.raises(ThrottledError):
            async with pool.lease(0.05):
                pytest.fail("there is no third instance")


async def test_a_failed_start_is_told_to_one_caller_and_the_next_tries_again(pool, starts):
    starts.failures = 1
    outcomes = await asyncio.gather(*(hold(pool, _set()) for _ in range(2)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Double", "InstanceStartError"]


async def test_a_caller_that_gives_up_leaves_its_turn_to_the_next(pool, starts):
    release = asyncio.Event()
    holding = [asyncio.create_task(hold(pool, release)) for _ in range(2)]
    await settle()
    waiting = [asyncio.create_task(hold(pool, release)) for _ in range(2)]
    await settle()
    waiting[0].cancel()
    release.set()
    await asyncio.gather(*holding)
    assert isinstance(await waiting[1], Double)
    assert waiting[0].cancelled() or await asyncio.gather(waiting[0], return_exceptions=True)


async def test_a_dead_instance_and_one_with_an_old_key_are_replaced(pool, starts):
    async with pool.lease() as first:
        first.alive = False
    async with pool.lease() as second:
        assert second is not first
    starts.key = object()
    async with pool.lease() as third:
        assert third is not second
        assert third.key is starts.key


async def test_a_retired_instance_stops_only_when_its_request_has_ended(pool, starts):
    async with pool.lease() as old:
        pool.retire_all()
        await settle()
        assert (old.stopped, pool.size, pool.in_flight) == (False, 0, 1)
        async with pool.lease() as new:
            assert new is not old
    await settle()
    assert old.stopped
    assert not new.stopped


async def test_closing_tells_those_who_wait(pool, starts):
    release = asyncio.Event()
    holding = [asyncio.create_task(hold(pool, release)) for _ in range(2)]
    await settle()
    waiting = asyncio.create_task(hold(pool, release))
    await settle()
    await pool.close()
    with pytest.raises(ThrottledError):
        await waiting
    release.set()
    await asyncio.gather(*holding)


def _set():
    event = asyncio.Event()
    event.set()
    return event
