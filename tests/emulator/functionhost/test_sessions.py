"""Session affinity: the rules as values, and what an instance and a client see of them."""

import asyncio
from pathlib import Path

import pytest

from fujie_emulator.functionhost.errors import RequestRefusedError, ThrottledError
from fujie_emulator.functionhost.pool import Pool
from fujie_emulator.functionhost.sessions import COOKIE, Affinity, Sessions, asked
from fujie_emulator.functionhost.specification import FunctionSpec
from tests.emulator.functionhost.test_pool import Starts

BY_HEADER = Affinity("x-conversation", per_instance=2, ttl_s=100, idle_s=10)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def pool(clock):
    starts = Starts()
    spec = FunctionSpec(
        "f", "custom", Path("/"), instance_concurrency=200, max_instances=2, reserved=True, affinity=BY_HEADER
    )
    made = Pool(spec, starts, lambda: None, lambda _: None, clock)
    yield made
    await made.close()


async def instance_of(pool, session):
    async with pool.lease(0.0, session) as instance:
        return instance


async def test_a_session_stays_with_its_instance_and_new_ones_fill_the_next(pool):
    first = await instance_of(pool, "a")
    assert await instance_of(pool, "b") is first
    other = await instance_of(pool, "c")
    assert other is not first
    assert [await instance_of(pool, each) for each in ("a", "b", "c")] == [first, first, other]


async def test_when_every_instance_has_its_sessions_another_one_is_refused_until_one_ends(pool, clock):
    for each in ("a", "b", "c", "d"):
        await instance_of(pool, each)
    with pytest.raises(ThrottledError):
        await instance_of(pool, "e")
    clock.now += 9
    await instance_of(pool, "a")
    clock.now += 2
    assert await instance_of(pool, "e") is not None


def test_a_session_ends_with_its_lifetime_however_busy_it_is(clock):
    sessions = Sessions(BY_HEADER, clock)
    for _ in range(11):
        sessions.use("a", "instance")
        assert sessions.instance_of("a") == "instance"
        clock.now += 9.5
    assert sessions.instance_of("a") is None


async def test_a_session_whose_instance_died_begins_anew(pool):
    first = await instance_of(pool, "a")
    first.alive = False
    assert await instance_of(pool, "a") is not first


async def test_who_has_no_session_takes_any_instance(pool):
    first = await instance_of(pool, "a")
    assert await instance_of(pool, "") is first


async def test_a_session_cannot_go_elsewhere_when_its_instance_is_full(pool):
    first = await instance_of(pool, "a")
    first.in_flight = 200
    try:
        with pytest.raises(ThrottledError):
            await instance_of(pool, "a")
    finally:
        first.in_flight = 0


async def test_where_instances_are_reserved_nobody_waits_for_a_place():
    spec = FunctionSpec("f", "custom", Path("/"), max_instances=1, reserved=True)
    pool = Pool(spec, Starts(), lambda: None, lambda _: None)
    async with pool.lease(0.0):
        with pytest.raises(ThrottledError):
            await asyncio.wait_for(instance_of(pool, ""), 5)
    await pool.close()


def test_a_client_that_names_no_session_is_told_the_one_it_begins():
    named = asked(BY_HEADER, [(b"X-Conversation", b"c-1")])
    assert (named.session, named.told) == ("c-1", ())
    new = asked(BY_HEADER, [])
    assert new.told == ((b"x-conversation", new.session.encode()),)
    by_cookie = asked(Affinity(ttl_s=60), [(b"cookie", b"a=1")])
    assert by_cookie.told == ((b"set-cookie", f"{COOKIE}={by_cookie.session}; Max-Age=60".encode()),)
    assert asked(Affinity(), [(b"cookie", f"a=1; {COOKIE}=mine".encode())]).session == "mine"
    assert asked(None, [(b"x-conversation", b"c-1")]).session == ""


@pytest.mark.parametrize("name", [b"-a", b"a b", b"x" * 65, "é".encode("latin-1")])
def test_what_cannot_be_a_sessions_name_is_refused(name):
    with pytest.raises(RequestRefusedError):
        asked(BY_HEADER, [(b"x-conversation", name)])
