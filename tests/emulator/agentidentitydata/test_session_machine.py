"""Whatever order browsers, users and clocks act in, a consent session goes one way, once, and in time."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from fujie_emulator.agentidentitydata import sessions
from fujie_emulator.agentidentitydata.sessions import LIFETIME_S, Asked
from fujie_emulator.agentidentitydata.wat import UserContext, WorkloadAccess
from fujie_emulator.core.errors import CloudError
from tests.emulator.machines import SETTINGS, cloud_for

PROVIDERS = ("calendar", "mail")


class Model:
    """One session as the documentation tells it."""

    def __init__(self, owner, provider, now):
        self.owner, self.provider, self.ends_at = owner, provider, now + LIFETIME_S
        self.status, self.state = "started", None

    def seen(self, now):
        over = self.status != "completed" and now >= self.ends_at
        return "failed" if over else self.status


class SessionMachine(RuleBasedStateMachine):
    uris, opened, returned, taken = Bundle("uris"), Bundle("opened"), Bundle("returned"), Bundle("taken")

    @initialize()
    def begin(self):
        self.models = {}

    def allowed(self, ok, action, *args, **kwargs):
        """Do it when the model says so; else see it refused, the same way for whatever reason."""
        if ok:
            return action(self.cloud, *args, **kwargs)
        with pytest.raises(CloudError) as caught:
            action(self.cloud, *args, **kwargs)
        assert caught.value.code == "InvalidParameter.SessionURI"
        return None

    @rule(target=uris, owner=st.sampled_from(["alice", "bob"]), provider=st.sampled_from(PROVIDERS))
    def start(self, owner, provider):
        user = UserContext("user_id", owner)
        session = sessions.start(self.cloud, WorkloadAccess("demo", "arn", user), Asked(provider, ("s",)))
        assert session.uri not in self.models
        self.models[session.uri] = Model(user.key, provider, self.now[0])
        return session.uri

    @rule(target=opened, uri=uris)
    def open_link(self, uri):
        model = self.models[uri]
        opened = self.allowed(model.seen(self.now[0]) == "started", sessions.open_link, uri)
        if opened is None:
            return multiple()
        model.status, model.state = "opened", opened[1]
        return uri

    @rule(
        target=returned,
        uri=opened,
        provider=st.sampled_from(PROVIDERS),
        code=st.sampled_from(["code", ""]),
    )
    def provider_returns(self, uri, provider, code):
        model = self.models[uri]
        ok = model.seen(self.now[0]) == "opened" and provider == model.provider
        returned = self.allowed(ok, sessions.take_return, model.state or "guessed", provider=provider, code=code)
        if returned is None:
            return multiple()
        model.status = "returned" if code else "failed"
        assert (returned.uri, returned.code) == (uri, code)
        return uri

    @rule(target=taken, uri=returned)
    def take_code(self, uri):
        model = self.models[uri]
        session = self.allowed(model.seen(self.now[0]) == "returned", sessions.take_code, uri)
        if session is None:
            return multiple()
        assert session.code == "code"
        model.status = "redeeming"
        return session

    @rule(session=consumes(taken), good=st.booleans())
    def end(self, session, good):
        (sessions.complete(self.cloud, session, ("s",)) if good else sessions.fail(self.cloud, session))
        self.models[session.uri].status = "completed" if good else "failed"

    @rule(seconds=st.sampled_from([1, 60, 299, 600, 601]))
    def wait(self, seconds):
        self.now[0] += seconds

    @invariant()
    def the_cloud_tells_what_the_model_says(self):
        for uri, model in self.models.items():
            if self.now[0] >= model.ends_at + 3600:
                continue  # may be forgotten from here on
            session = sessions.find(self.cloud, uri)
            assert (session.owner, session.status) == (model.owner, model.seen(self.now[0]))
            holds_code = session.status == "returned"
            assert bool(session.code) is holds_code


SessionMachine.TestCase.settings = settings(SETTINGS, max_examples=120)
TestSessions = SessionMachine.TestCase


@pytest.fixture(scope="module", autouse=True)
def cloud():
    with cloud_for(SessionMachine):
        yield
