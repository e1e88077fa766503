"""Users whose consents, refreshes and polls cross each other see their own tokens and never another's."""

import asyncio
from unittest.mock import patch

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule

from fujie_emulator.agentidentity import state as control
from fujie_emulator.agentidentity.entities import OAUTH2_PROVIDER, WORKLOAD_IDENTITY
from fujie_emulator.agentidentitydata import sessions, state, vault
from fujie_emulator.agentidentitydata.errors import UpstreamError
from fujie_emulator.agentidentitydata.sessions import Asked
from fujie_emulator.agentidentitydata.upstream import TokenAnswer
from fujie_emulator.agentidentitydata.wat import UserContext, WorkloadAccess
from fujie_emulator.core.errors import CloudError
from tests.contract.identity_stack import query_of
from tests.emulator.machines import SETTINGS, cloud_for

# The same name proved by two issuers and merely asserted: three people.
PEOPLE = {
    "alice": UserContext("jwt", "alice", "https://a.example"),
    "other alice": UserContext("jwt", "alice", "https://b.example"),
    "asserted alice": UserContext("user_id", "alice"),
}
PROVIDERS = ("calendar", "mail", "side/mail")
SCOPES = st.sets(st.sampled_from("ab")).map(lambda scopes: tuple(sorted(scopes)))
WHO, WHERE = st.sampled_from(sorted(PEOPLE)), st.sampled_from(PROVIDERS)


class Upstream:
    """A token endpoint that says in each token whose it is, and rotates refresh tokens."""

    def __init__(self):
        self.live, self.count = set(), 0

    async def answer(self, cloud, provider, server, form, asked):
        if form["grant_type"] == "refresh_token" and form["refresh_token"] not in self.live:
            raise UpstreamError("status 400", refused=True)
        self.live.discard(form.get("refresh_token"))
        person = form.get("code") or form["refresh_token"].partition("#")[0]
        self.count += 1
        refresh = f"{person}#{self.count}"
        self.live.add(refresh)
        return TokenAnswer(f"{person}@{server.client_id}#{self.count}", refresh, 100, asked)


class VaultMachine(RuleBasedStateMachine):
    asked = Bundle("asked")

    @initialize()
    def begin(self):
        self.loop = asyncio.new_event_loop()
        for provider in PROVIDERS:
            self.declare(provider)
        self.upstream = Upstream()
        self._patch = patch.object(state, "request_token", self.upstream.answer)
        self._patch.start()
        self.grants = {(person, provider): [] for person in PEOPLE for provider in PROVIDERS}

    def declare(self, provider):
        server = {"TokenRequest": {"Endpoint": "http://p/t"}, "AuthorizationRequest": {"Endpoint": "http://p/a"}}
        config = {"ClientId": provider, "OAuth2Discovery": {"AuthorizationServerMetadata": server}}
        fields = {
            "CredentialProviderVendor": "CustomOAuth2",
            "OAuth2ProviderConfig": {"CustomOAuth2ProviderConfig": config},
            "CallbackURL": f"http://127.0.0.1:18091/oauth2/callback/{provider.replace('/', '-')}",
            "OAuthType": "USER_FEDERATION",
        }
        place, _, name = provider.rpartition("/")
        place = place or "default"
        control.create(self.cloud, OAUTH2_PROVIDER, name, fields | {"TokenVaultName": place}, place)

    def forget(self, provider):
        place, _, name = provider.rpartition("/")
        control.delete(self.cloud, OAUTH2_PROVIDER, name, place or "default")
        vault.forget_provider(self.cloud, provider)

    def teardown(self):
        for provider in PROVIDERS:
            self.forget(provider)
        self._patch.stop()
        self.loop.close()

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def access(self, person):
        return WorkloadAccess("demo", "arn", PEOPLE[person])

    def is_theirs(self, token, person, provider):
        assert token.access_token.startswith(f"{person}@{provider}#")

    @rule(target=asked, person=WHO, provider=WHERE, scopes=SCOPES)
    def ask(self, person, provider, scopes):
        token = self.run(state.stored_token(self.cloud, self.access(person), Asked(provider, scopes)))
        covered = any(set(scopes) <= set(granted) for granted in self.grants[person, provider])
        assert (token is not None) == covered
        if token:
            self.is_theirs(token, person, provider)
            assert set(scopes) <= set(token.scopes)
        session = state.begin(self.cloud, self.access(person), Asked(provider, scopes))
        return session.uri, person, provider, scopes

    @rule(asked=asked)
    def consent(self, asked):
        """Go through the provider; without session binding the code is redeemed at its return."""
        uri, person, provider, scopes = asked
        if sessions.find(self.cloud, uri).status != "started":
            return
        query = query_of(self.run(state.provider_redirect(self.cloud, uri)))
        doc = state.oauth_provider(self.cloud, provider)
        ended = self.run(state.returned(self.cloud, doc, state=query["state"], code=person, issuer=""))
        assert ended.status == "completed"
        self.grants[person, provider].append(scopes)

    @rule(asked=asked, person=WHO)
    def poll(self, asked, person):
        uri, owner, provider, scopes = asked
        poll = state.polled(self.cloud, self.access(person), Asked(provider, scopes), uri)
        if person != owner:
            with pytest.raises(CloudError) as caught:
                self.run(poll)
            assert caught.value.code == "InvalidParameter.SessionURI"
            with pytest.raises(CloudError) as caught:
                state.check_completer(self.cloud, uri, PEOPLE[person])
            assert caught.value.code == "Forbidden.UserIdentifierMismatch"
            return
        found = self.run(poll)
        if isinstance(found, vault.VaultToken):
            self.is_theirs(found, person, provider)

    @rule(person=WHO, provider=WHERE)
    def withdrawn_at_the_provider(self, person, provider):
        """The provider ends everything it gave for this person; the next refresh is refused."""
        name = f"{person}#"
        self.upstream.live = {token for token in self.upstream.live if not token.startswith(name)}
        self.now[0] += 100
        for provider_of_theirs in PROVIDERS:
            for scopes in list(self.grants[person, provider_of_theirs]):
                access, asked = self.access(person), Asked(provider_of_theirs, scopes)
                assert self.run(state.stored_token(self.cloud, access, asked)) is None
            self.grants[person, provider_of_theirs].clear()

    @rule(seconds=st.sampled_from([1, 60, 100]))
    def wait(self, seconds):
        self.now[0] += seconds

    @rule(provider=WHERE)
    def provider_is_made_anew(self, provider):
        self.forget(provider)
        self.declare(provider)
        for person in PEOPLE:
            self.grants[person, provider].clear()


VaultMachine.TestCase.settings = SETTINGS
TestVault = VaultMachine.TestCase


@pytest.fixture(scope="module", autouse=True)
def cloud():
    with cloud_for(VaultMachine) as cloud:
        fields = {"SessionBindingEnabled": False, "AllowedResourceOAuth2ReturnURLs": []}
        control.create(cloud, WORKLOAD_IDENTITY, "demo", fields)
        yield
