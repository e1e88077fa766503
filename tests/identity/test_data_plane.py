"""The data plane's client and all that stands on it, against the emulated cloud: real signatures, real tokens."""

import asyncio
from dataclasses import replace

import pytest
from msgspec import structs

from fujie.http import http_client
from fujie.identity.acting import Acting
from fujie.identity.claims import IdTokenVerifier
from fujie.identity.completion import complete
from fujie.identity.consent import ConsentAsk, ConsentDesk
from fujie.identity.data_plane import DataPlane
from fujie.identity.delegation import row_id_of
from fujie.identity.errors import (
    AuthorizationRequired,
    CloudRefusedError,
    CloudUnavailableError,
    IdentityError,
    IdentityMisconfiguredError,
    ThrottledError,
    TokenInvalidError,
)
from fujie.identity.internal import InternalMinter
from fujie.identity.keys import new_signing_key
from fujie.identity.outbound import CredentialBroker
from fujie.identity.signin import SignIn
from fujie.identity.wake import Waker
from fujie.secret import Secret
from fujie.settings import CallerKey
from fujie_emulator.agentidentity import state
from fujie_emulator.agentidentity.entities import API_KEY_PROVIDER, TOKEN_VAULT
from fujie_emulator.testing import running
from tests.identity.own_process import operator_key
from tests.identity.stack import PUBLIC_URL, Person, declared
from tests.identity.world import query_of, run_of

ASK = ConsentAsk("get_current_time", "call-1", reason="to know the time", scope_words={"time.read": "read the time"})
POLICY = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "oss:GetObject", "Resource": "acs:oss:*:*:b/k"}]}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield declared(cloud)


@pytest.fixture(autouse=True)
def no_faults(stack):
    yield
    stack.running.cloud.faults.clear()


@pytest.fixture
async def http():
    async with http_client() as http:
        yield http


@pytest.fixture
def data_plane(stack, http):
    return DataPlane(stack.settings, http, stack.function_key)


@pytest.fixture
def desk(stack, store):
    return ConsentDesk(stack.settings, store)


@pytest.fixture
def broker(stack, http, store, desk):
    return CredentialBroker(stack.settings, http, store, desk, stack.function_key)


@pytest.fixture
def sign_in(stack, http, store, sealer):
    verifier = IdTokenVerifier(http, stack.settings.oidc_issuer, stack.settings.oidc_client_id)
    return SignIn(stack.settings, http, store, verifier, sealer)


@pytest.fixture
def people():
    people = {name: Person(name) for name in ("alice", "bob")}
    yield people
    for person in people.values():
        person.close()


@pytest.fixture
def signed_in(sign_in, people):
    async def signed_in(name):
        redirect = await sign_in.begin("/")
        back = query_of(await asyncio.to_thread(people[name].follow, redirect.url))
        return await sign_in.finish(
            code=Secret(back["code"]),
            state=back["state"],
            login_cookie=redirect.login_cookie,
            issuer=back.get("iss", ""),
        )

    return signed_in


@pytest.fixture
def acting(signed_in, store, opener):
    async def acting(name="alice"):
        session = (await signed_in(name)).session
        delegation = await store.delegation(row_id_of(session.delegation_id))
        run = run_of(session.user, f"run-{delegation.id[:8]}", session.delegation_id)
        return session, Acting(run, session.user, delegation, opener.open(delegation, session.delegation_id))

    return acting


async def test_sign_in_names_the_user_whom_the_cloud_knows(signed_in):
    session = (await signed_in("alice")).session
    assert session.user.name == "alice"
    assert session.user.id.isdigit()
    assert (await signed_in("bob")).session.user.id != session.user.id


async def test_an_api_key_in_two_signed_requests(acting, broker, stack):
    _, alice = await acting()
    before = journal(stack)
    issued = await broker.api_key(alice, "weather")
    assert issued.secret == Secret("k-1")
    new = journal(stack)[len(before) :]
    assert [row["action"] for row in new] == ["GetWorkloadAccessTokenForJWT", "GetResourceAPIKey"]
    assert all(row["caller"]["type"] == "role" for row in new)


async def test_sts_is_a_key_of_the_identitys_role(acting, broker):
    _, alice = await acting()
    credential = await broker.sts(alice, POLICY, session_name="fujie")
    assert credential.access_key_id.startswith("STS.")
    assert credential.badge().user == "alice"


async def test_oauth_pauses_and_after_consent_gives_the_token(acting, broker, desk, people, data_plane, opener, store):
    session, alice = await acting()
    with pytest.raises(AuthorizationRequired) as asked:
        await broker.oauth(alice, "time", ("time.read",), ask=ASK)
    consent_id = asked.value.consent.consent_id
    url = await desk.allow(consent_id, session)
    back = query_of(await asyncio.to_thread(people["alice"].follow, url, decision="allow"))
    consent = await desk.take_return(session_uri=back["session_uri"], state=back["state"], session=session)
    await complete(data_plane, opener, store, consent)
    await desk.settle(consent_id, "completed")
    issued = await broker.oauth(alice, "time", ("time.read",), ask=ASK)
    assert issued.expires_at is not None
    assert issued.badge().user == "alice"
    session, bob = await acting("bob")
    with pytest.raises(AuthorizationRequired):
        await broker.oauth(bob, "time", ("time.read",), ask=ASK)


async def test_what_the_user_denies_comes_back_as_denied(acting, broker, desk, people):
    session, bob = await acting("bob")
    with pytest.raises(AuthorizationRequired) as asked:
        await broker.oauth(bob, "time", ("time.read",), ask=ASK)
    url = await desk.allow(asked.value.consent.consent_id, session)
    back = await asyncio.to_thread(people["bob"].follow, url, decision="deny")
    assert back.startswith(PUBLIC_URL + "/callback?")
    assert query_of(back)["error"] == "access_denied"


async def test_the_cloud_refuses_to_complete_for_somebody_else(acting, broker, desk, people, data_plane):
    session, bob = await acting("bob")
    with pytest.raises(AuthorizationRequired) as asked:
        await broker.oauth(bob, "time", ("time.read",), ask=ASK)
    await desk.allow(asked.value.consent.consent_id, session)
    _, alice = await acting("alice")
    consent = await desk.look(asked.value.consent.consent_id, session)
    with pytest.raises(CloudRefusedError) as refused:
        await data_plane.complete_resource_token_auth(consent.session_uri, alice.tokens.id_token)
    assert refused.value.request_id


async def test_a_workload_access_token_without_a_user(data_plane):
    assert (await data_plane.get_workload_access_token("wi")).reveal().count(".") == 4
    assert (await data_plane.get_workload_access_token_for_user_id("wi", "batch-7")).reveal()


@pytest.mark.parametrize("text", ["not-a-jwt", "a.b.c", "e30.e30.e30"])
async def test_a_malformed_user_token_never_degrades(acting, broker, stack, text):
    _, alice = await acting()
    before = journal(stack)
    bad = replace(alice, tokens=replace(alice.tokens, id_token=Secret(text)))
    with pytest.raises(TokenInvalidError) as refused:
        await broker.api_key(bad, "weather")
    assert [row["action"] for row in journal(stack)[len(before) :]] == ["GetWorkloadAccessTokenForJWT"]
    assert text not in repr(refused.value) + str(refused.value)


async def test_a_missing_provider_is_named_with_its_repair(acting, broker):
    _, alice = await acting()
    with pytest.raises(IdentityMisconfiguredError) as missing:
        await broker.api_key(alice, "nowhere")
    assert missing.value.cloud_code == "EntityNotExists.APIKeyCredentialProvider"
    assert "API key credential provider" in missing.value.repair
    assert missing.value.request_id


async def test_a_wrong_key_is_a_fault_of_the_stack(stack, http):
    wrong = CallerKey(stack.running.access_key_id, Secret("wrong"))
    with pytest.raises(IdentityMisconfiguredError) as refused:
        await DataPlane(stack.settings, http, lambda: wrong).get_workload_access_token("wi")
    assert refused.value.cloud_code == "SignatureDoesNotMatch"


async def test_a_busy_cloud_is_asked_again(stack, data_plane, http):
    await fault(http, stack, kind="status", status=503, count=1)
    await data_plane.get_workload_access_token("wi")


async def test_a_throttling_cloud_is_believed(stack, data_plane, http, monkeypatch):
    monkeypatch.setattr("fujie.identity.call_flow.MAX_ATTEMPTS", 1)
    await fault(http, stack, kind="status", status=429, count=1)
    with pytest.raises(ThrottledError):
        await data_plane.get_workload_access_token("wi")


async def test_a_dropped_connection_is_an_outage(stack, data_plane, http):
    await fault(http, stack, kind="drop", count=1)
    with pytest.raises(CloudUnavailableError):
        await data_plane.get_workload_access_token("wi")


async def test_a_cloud_that_hangs_is_left_after_the_deadline(stack, data_plane, http, monkeypatch):
    monkeypatch.setattr("fujie.identity.data_plane.DEADLINE_S", 0.2)
    await fault(http, stack, kind="latency", latency_s=1, count=1)
    with pytest.raises(CloudUnavailableError):
        await data_plane.get_workload_access_token("wi")


async def test_waking_passes_the_clouds_signature_check_and_names_a_missing_function(stack, http):
    waker = Waker(stack.settings, http, InternalMinter("callback", new_signing_key()[0]), stack.function_key)
    with pytest.raises(IdentityError) as refused:
        await waker.wake("run-1", "dlg-1")
    assert refused.value.http_status == 404
    assert "process" in refused.value.repair or "FUJIE_PROCESS_FUNCTION" in refused.value.repair


async def fault(http, stack, **body):
    answer = await http.post(
        stack.running.url + "/_fujie/faults",
        json={"service": "agentidentitydata", "action": "GetWorkloadAccessToken"} | body,
        headers=stack.running.admin_headers,
    )
    assert answer.is_success, answer.text


def journal(stack):
    return [row for row in stack.running.cloud.journal.after(0) if row["service"] == "agentidentitydata"]


async def test_a_stacks_vault_is_asked_and_no_other(stack, http, acting, data_plane):
    """The same provider name in the stack's own vault and in the account's default one: two keys."""
    cloud = stack.running.cloud
    state.create(cloud, TOKEN_VAULT, "own", {"Description": "", "EncryptionConfig": {}, "RoleArn": ""})
    fields = {"APIKey": "of the vault", "TokenVaultName": "own", "Description": ""}
    state.create(cloud, API_KEY_PROVIDER, "weather", fields, "own")
    of_the_vault = DataPlane(
        structs.replace(stack.settings, token_vault="own"), http, lambda: operator_key(stack.running)
    )
    _, person = await acting()
    access = await data_plane.get_workload_access_token_for_jwt(
        stack.settings.workload_identity, person.tokens.id_token
    )
    assert (await of_the_vault.get_resource_api_key(access.token, "weather")).reveal() == "of the vault"
    assert (await data_plane.get_resource_api_key(access.token, "weather")).reveal() != "of the vault"
