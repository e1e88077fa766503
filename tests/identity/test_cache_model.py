"""The cache beside a model of it, under any order of what may happen, on a clock that only the test moves."""

import asyncio
from collections import OrderedDict
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fujie.identity.credential_cache import MAX_BACKOFF_S, CredentialCache, Kept
from fujie.identity.errors import CloudUnavailableError, ThrottledError
from tests.identity.world import MovedClock

SIZE = 3
KEYS = st.sampled_from("abcde")
SECONDS = st.integers(0, 90)


class CacheBesideModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.clock = MovedClock()
        self.cache = CredentialCache(now=self.clock, max_entries=SIZE)
        self.model = OrderedDict()
        self.throttled = OrderedDict()
        self.loop = asyncio.new_event_loop()
        self.number = 0

    def teardown(self):
        self.loop.close()

    def model_get(self, key, lasting=timedelta(0)):
        value, until = self.model.get(key, (None, None))
        if value is None:
            return None
        if self.clock() >= until:
            del self.model[key]
            return None
        if lasting and self.clock() + lasting >= until:
            return None
        self.model.move_to_end(key)
        return value

    def model_put(self, key, value, until):
        self.model[key] = (value, until)
        self.model.move_to_end(key)
        while len(self.model) > SIZE:
            self.model.popitem(last=False)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds):
        self.clock.advance(seconds=seconds)

    @rule(key=KEYS, lasting=SECONDS)
    def get(self, key, lasting):
        wanted = timedelta(seconds=lasting)
        assert self.cache.get(key, lasting=wanted) == self.model_get(key, wanted)

    @rule(key=KEYS)
    def forget(self, key):
        self.cache.forget(key)
        self.model.pop(key, None)

    @rule(key=KEYS, ttl=SECONDS, lasting=SECONDS, outcome=st.sampled_from(["value", "no end", "outage", "throttled"]))
    def fetch(self, key, ttl, lasting, outcome):
        self.number += 1
        value, until, wanted = (key, self.number), self.clock() + timedelta(seconds=ttl), timedelta(seconds=lasting)
        asked = []

        async def source():
            asked.append(key)
            if outcome == "outage":
                raise CloudUnavailableError("out of order")
            if outcome == "throttled":
                raise ThrottledError("slow down", retry_after_s=60)
            return Kept(value, None if outcome == "no end" else until)

        expected = self.model_get(key, wanted)
        if expected is None and self.throttled.get(key, self.clock()) <= self.clock():
            self.throttled.pop(key, None)
        waits = expected is None and key in self.throttled
        try:
            got = self.loop.run_until_complete(self.cache.get_or_fetch(key, source, lasting=wanted))
        except (CloudUnavailableError, ThrottledError) as error:
            got = error
        assert asked == ([] if expected or waits else [key])
        if expected is not None:
            assert got == expected
        elif waits:
            assert isinstance(got, ThrottledError)
            assert timedelta(seconds=got.retry_after_s) == self.throttled[key] - self.clock()
        elif outcome == "throttled":
            assert isinstance(got, ThrottledError)
            self.throttled[key] = self.clock() + timedelta(seconds=MAX_BACKOFF_S)
            self.throttled.move_to_end(key)
            while len(self.throttled) > SIZE:
                self.throttled.popitem(last=False)
        elif outcome == "outage":
            assert isinstance(got, CloudUnavailableError)
        else:
            assert got == value
            if outcome == "value":
                self.model_put(key, value, until)

    @invariant()
    def is_bounded_and_nothing_is_left_under_way(self):
        assert len(self.cache._kept) <= SIZE
        assert not self.cache._flights


TestCacheBesideModel = CacheBesideModel.TestCase
TestCacheBesideModel.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
