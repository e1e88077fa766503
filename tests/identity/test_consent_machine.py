"""Whatever order people and clocks act in, a consent ends once, and is completed only by whom it was bound to."""

import asyncio
import contextlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fujie.identity.consent import TTL, ConsentAsk, ConsentDesk
from fujie.identity.errors import IdentityError
from fujie.secret import Secret
from fujie.sessions.memory import MemoryStore
from tests.identity.world import ALICE, BOB, SETTINGS, MovedClock, acting_as, browser_session

URI = "urn:ietf:params:oauth:request_uri:1"
FINAL = {"completed", "denied", "expired", "cancelled"}
SESSIONS = [browser_session(ALICE, "alice-1"), browser_session(ALICE, "alice-2"), browser_session(BOB, "bob-1")]
WHO = st.sampled_from(SESSIONS)


class ConsentMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.clock, self.store = MovedClock(), MemoryStore()
        self.desk = ConsentDesk(SETTINGS, self.store, now=self.clock)
        self.allowed_by, self.returned_by, self.final = None, None, None
        request = self.run_now(
            self.desk.request(
                acting_as(session_hash=""),
                "p",
                ("s",),
                ConsentAsk("t", "c"),
                session_uri=URI,
                authorization_url="https://data.example/x",
                state=Secret("state"),
                expires_at=self.clock() + TTL,
            )
        )
        self.id = request.consent_id

    def run_now(self, coroutine):
        return asyncio.run(coroutine)

    @rule(who=WHO)
    def allow(self, who):
        with contextlib.suppress(IdentityError):
            self.run_now(self.desk.allow(self.id, who))
            assert who.user == ALICE
            assert self.allowed_by in {None, who.id_hash}
            self.allowed_by = who.id_hash

    @rule(who=WHO)
    def deny(self, who):
        with contextlib.suppress(IdentityError):
            self.run_now(self.desk.deny(self.id, who))
            assert who.user == ALICE
            assert self.final is None

    @rule(who=WHO, state=st.sampled_from(["state", "other"]), uri=st.sampled_from([URI, URI + "2"]))
    def come_back(self, who, state, uri):
        with contextlib.suppress(IdentityError):
            self.run_now(self.desk.take_return(session_uri=uri, state=state, session=who))
            assert (state, uri) == ("state", URI)
            assert who.id_hash == self.allowed_by
            assert self.returned_by is None
            self.returned_by = who.id_hash

    @rule(outcome=st.sampled_from(sorted(FINAL)))
    def settle(self, outcome):
        moved = self.run_now(self.desk.settle(self.id, outcome))
        if moved is not None:
            assert self.final is None
            assert outcome != "completed" or self.returned_by is not None

    @rule(seconds=st.integers(1, 400))
    def wait(self, seconds):
        self.clock.advance(seconds=seconds)

    @rule()
    def expire(self):
        moved = self.run_now(self.desk.expire_due())
        assert not moved or self.final is None

    @invariant()
    def what_has_ended_stays_ended(self):
        status = self.run_now(self.store.consent(self.id)).status
        assert self.final in {None, status}
        if status in FINAL:
            self.final = status


ConsentMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
TestConsentMachine = ConsentMachine.TestCase
