"""After a withdrawal the provider itself refuses the token, where this stack's client there has no secret."""

import asyncio
from datetime import UTC, datetime

import httpx2
import pytest

from fujie.errors import SettingsError
from fujie.http import http_client
from fujie.identity.acting import Acting
from fujie.identity.claims import IdTokenVerifier
from fujie.identity.completion import complete
from fujie.identity.consent import ConsentAsk, ConsentDesk
from fujie.identity.data_plane import DataPlane
from fujie.identity.delegation import row_id_of
from fujie.identity.errors import (
    AuthorizationRequired,
    DelegationExpiredError,
    DelegationMismatchError,
    TokenInvalidError,
)
from fujie.identity.internal import InternalMinter, InternalVerifier, arguments_hash
from fujie.identity.keys import new_signing_key
from fujie.identity.ledger import Ledger, LedgerKey, verify
from fujie.identity.outbound import CredentialBroker
from fujie.identity.signin import SignIn
from fujie.identity.withdrawing import GrantRevoker, PublicClient, Vault, WithdrawalTeller, public_clients
from fujie.secret import Secret
from fujie_emulator.agentidentity.entities import OAUTH2_PROVIDER
from fujie_emulator.agentidentitydata import vault
from fujie_emulator.testing import running
from tests.identity.stack import PUBLIC_URL, Person, declared
from tests.identity.world import browser_session, query_of, run_of

PRIVATE, PUBLIC = new_signing_key()
LEDGER_KEY = LedgerKey(Secret("key"))
ASK = ConsentAsk("list_books", "call-1", scope_words={"books.read": "read books"})


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        stack = declared(cloud)
        callback = f"{cloud.url}/oauth2/callback/library-1"
        books = {"/v1/books": {"scope": "books.read", "data": []}}
        body = {"scopes": {"books.read": "Read"}, "client_id": "public", "redirect_uris": [callback]}
        url = f"{cloud.url}/_fujie/partners/library"
        httpx2.put(url, json=body | {"resources": books}, headers=cloud.admin_headers, trust_env=False)
        discovery = {"DiscoveryURL": f"{cloud.url}/partners/library/.well-known/oauth-authorization-server"}
        stack.call(
            "agentidentity",
            "CreateOAuth2CredentialProvider",
            OAuth2CredentialProviderName="library",
            CredentialProviderVendor="CustomOAuth2",
            OAuth2ProviderConfig={"CustomOAuth2ProviderConfig": {"ClientId": "public", "OAuth2Discovery": discovery}},
            CallbackURL=callback,
        )
        yield stack


class Journey:
    """Alice, signed in, who has allowed `library`."""

    def __init__(self, stack, http, store, sealer, opener):
        self.stack, self.http, self.store, self.opener = stack, http, store, opener
        verifier = IdTokenVerifier(http, stack.settings.oidc_issuer, stack.settings.oidc_client_id)
        self.sign_in = SignIn(stack.settings, http, store, verifier, sealer)
        desk = ConsentDesk(stack.settings, store)
        self.data_plane = DataPlane(stack.settings, http, stack.function_key)
        self.desk, self.broker = desk, CredentialBroker(stack.settings, http, store, desk, stack.function_key)

    async def allowed(self):
        alice = Person("alice")
        begun = await self.sign_in.begin("/")
        back = query_of(await asyncio.to_thread(alice.follow, begun.url))
        given = {"code": Secret(back["code"]), "state": back["state"], "issuer": back.get("iss", "")}
        self.session = (await self.sign_in.finish(**given, login_cookie=begun.login_cookie)).session
        row = await self.store.delegation(row_id_of(self.session.delegation_id))
        run = run_of(self.session.user, "run-1", self.session.delegation_id)
        self.acting = Acting(run, self.session.user, row, self.opener.open(row, self.session.delegation_id))
        with pytest.raises(AuthorizationRequired) as asked:
            await self.token()
        url = await self.desk.allow(asked.value.consent.consent_id, self.session)
        back = query_of(await asyncio.to_thread(alice.follow, url, decision="allow", account="alice"))
        returned = {"session_uri": back["session_uri"], "state": back["state"]}
        consent = await self.desk.take_return(**returned, session=self.session)
        await complete(self.data_plane, self.opener, self.store, consent)
        await self.desk.settle(consent.id, "completed")
        alice.close()
        return await self.token()

    async def token(self):
        return (await self.broker.oauth(self.acting, "library", ("books.read",), ask=ASK)).secret

    async def books(self, token):
        url = f"{self.stack.running.url}/partners/library/api/v1/books"
        return (await self.http.get(url, headers={"authorization": f"Bearer {token.reveal()}"})).status_code

    async def withdraw(self):
        (grant,) = await self.store.grants(self.session.user)
        await self.store.withdraw_grant(grant.id, self.session.user, datetime.now(UTC))

    def revoker(self, clients=None):
        cloud = self.stack.running.url
        usual = PublicClient("public", f"{cloud}/partners/library/.well-known/oauth-authorization-server")
        return GrantRevoker(
            self.http,
            self.store,
            self.opener,
            InternalVerifier("tool", {"chat": PUBLIC}, ["chat"]),
            Vault(self.data_plane, "wi", PUBLIC_URL + "/callback"),
            {"library": usual} if clients is None else clients,
            ledger=Ledger(self.store, LEDGER_KEY),
        )

    def minted(self, provider="library", handed=None):
        digest = arguments_hash({"provider": provider})
        handed = handed or self.session.delegation_id
        return InternalMinter("chat", PRIVATE).mint("tool", delegation_id=handed, arguments_hash=digest)

    def revocations(self):
        rows = self.stack.running.cloud.journal.after(0)
        return [row for row in rows if (row["service"], row["action"]) == ("partner.library", "revoke")]


@pytest.fixture
async def journey(stack, store, sealer, opener):
    cloud = stack.running.cloud
    cloud.journal.clear()
    cloud.faults.clear()
    vault.forget_provider(cloud, OAUTH2_PROVIDER.key("library", "default"))
    async with http_client() as http:
        journey = Journey(stack, http, store, sealer, opener)
        yield journey


async def test_after_the_withdrawal_the_partner_refuses_the_old_token(journey, store):
    token = await journey.allowed()
    assert await journey.books(token) == 200
    await journey.withdraw()
    assert await journey.revoker().revoke(journey.minted(), "library") == "revoked"
    assert await journey.books(token) == 401
    [entry] = await store.ledger()
    assert (entry.decision, entry.outcome, entry.provider) == ("withdrawn", "revoked", "library")
    assert entry.fingerprint == LEDGER_KEY.fingerprint(token)
    assert await verify(store, LEDGER_KEY) == 1
    with pytest.raises(AuthorizationRequired):
        await journey.token()


async def test_what_is_not_the_persons_own_withdrawal_revokes_nothing(journey):
    token = await journey.allowed()
    with pytest.raises(DelegationMismatchError, match="not withdrawn"):
        await journey.revoker().revoke(journey.minted(), "library")
    await journey.withdraw()
    with pytest.raises(TokenInvalidError):
        await journey.revoker().revoke(journey.minted("time"), "library")
    with pytest.raises(DelegationMismatchError):
        await journey.revoker().revoke(journey.minted(handed=row_id_of(journey.session.delegation_id)), "library")
    used = journey.minted()
    await journey.sign_in.sign_out(journey.session)
    with pytest.raises(DelegationExpiredError):
        await journey.revoker().revoke(used, "library")
    with pytest.raises(TokenInvalidError):
        await journey.revoker().revoke(used, "library")
    assert journey.revocations() == []
    assert await journey.books(token) == 200


async def test_where_the_client_has_a_secret_nothing_is_sent_and_it_is_said(journey, store):
    token = await journey.allowed()
    await journey.withdraw()
    assert await journey.revoker(clients={}).revoke(journey.minted(), "library") == "unreached"
    assert [entry.outcome for entry in await store.ledger()] == ["client_has_a_secret"]
    assert journey.revocations() == []
    assert await journey.books(token) == 200
    with pytest.raises(AuthorizationRequired):
        await journey.token()


@pytest.mark.parametrize("status", [400, 503])
async def test_a_partner_that_refuses_to_revoke_is_written_down_and_the_withdrawal_stands(journey, store, status):
    await journey.allowed()
    await journey.withdraw()
    fault = {"service": "partner.library", "action": "revoke", "kind": "status", "status": status, "count": 1}
    journey.stack.running.cloud.faults.arm(fault)
    assert await journey.revoker().revoke(journey.minted(), "library") == "unreached"
    assert [entry.outcome for entry in await store.ledger()] == ["issuer_unavailable"]
    with pytest.raises(AuthorizationRequired):
        await journey.token()


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        ({}, "no_revocation_endpoint"),
        ({"revocation_endpoint": "http://elsewhere.example/revoke"}, "no_revocation_endpoint"),
        ({"revocation_endpoint": 7}, "no_revocation_endpoint"),
        ([], "issuer_unavailable"),
    ],
)
async def test_a_token_goes_to_no_unsafe_place(journey, store, document, outcome):
    await journey.allowed()
    await journey.withdraw()
    sent = []

    def answer(request):
        sent.append(request)
        return httpx2.Response(200, json=document)

    revoker = journey.revoker({"library": PublicClient("public", "https://library.example/metadata")})
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as revoker._http:
        assert await revoker.revoke(journey.minted(), "library") == "unreached"
    assert [entry.outcome for entry in await store.ledger()] == [outcome]
    assert [request.method for request in sent] == ["GET"]


# What `chat` hears


@pytest.mark.parametrize(
    ("status", "body", "heard"),
    [
        (200, b'{"at_provider":"revoked"}', "revoked"),
        (200, b'{"at_provider":"unreached"}', "unreached"),
        (200, b"<html>", "unreached"),
        (500, b'{"at_provider":"revoked"}', "unreached"),
        (None, b"", "unreached"),
    ],
)
async def test_chat_tells_tool_and_lives_with_any_answer(status, body, heard):
    asked = []

    def answer(request):
        asked.append(request)
        if status is None:
            raise httpx2.ConnectError("down")
        return httpx2.Response(status, content=body)

    session = browser_session(delegation_id="dlg-1.secret")
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        teller = WithdrawalTeller("https://tool.example", http, InternalMinter("chat", PRIVATE))
        assert await teller.tell(session, "library") == heard
    assert str(asked[0].url) == "https://tool.example/withdrawals"
    token = Secret(asked[0].headers["authorization"].removeprefix("Bearer "))
    caller = InternalVerifier("tool", {"chat": PUBLIC}, ["chat"]).verify(token)
    assert caller.arguments_hash == arguments_hash({"provider": "library"})


async def test_without_a_tool_function_nobody_is_told():
    assert await WithdrawalTeller("", None, InternalMinter("chat", PRIVATE)).tell(browser_session(), "p") == "unreached"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"client_id":"c","discovery_url":"http://x.example/d"}'])
def test_a_malformed_client_is_named_by_its_setting(text):
    with pytest.raises(SettingsError, match="FUJIE_PUBLIC_CLIENTS"):
        public_clients({"library": text})
