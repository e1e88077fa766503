import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from fujie.identity.consent import ConsentAsk
from fujie.identity.errors import (
    AuthorizationRequired,
    CloudRefusedError,
    DelegationMismatchError,
    IdentityMisconfiguredError,
    TokenInvalidError,
)
from fujie.identity.outbound import CredentialBroker
from fujie.secret import Secret
from tests.identity.world import ALICE, BOB, KEY, SETTINGS, START, acting_as, everything_said, needs_authorization

ASK = ConsentAsk("tool", "call-1", reason="because")
POLICY = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": ["r"]}]}
FOR_JWT = "GetWorkloadAccessTokenForJWT"
OAUTH = "GetResourceOAuth2Token"


async def test_a_cold_api_key_costs_two_requests_and_a_warm_one_none(broker, cloud):
    first = await broker.api_key(acting_as(), "weather")
    assert cloud.actions() == [FOR_JWT, "GetResourceAPIKey"]
    assert await broker.api_key(acting_as(run_id="run-2"), "weather") == first
    assert len(cloud.calls) == 2


async def test_the_users_own_token_is_what_the_cloud_is_shown(broker, cloud):
    await broker.api_key(acting_as(), "weather")
    assert cloud.calls[0][1] == {"UserToken": "id-token-of-alice", "WorkloadIdentityName": "wi"}
    assert cloud.calls[1][1]["WorkloadAccessToken"] == "wat-1"


async def test_many_at_once_share_two_requests(broker, cloud):
    runs = [acting_as(run_id=f"run-{number}") for number in range(50)]
    issued = await asyncio.gather(*(broker.oauth(acting, "time", ("t",), ask=ASK) for acting in runs))
    assert len({one.secret for one in issued}) == 1
    assert cloud.actions() == [FOR_JWT, OAUTH]


async def test_bob_never_gets_what_was_issued_to_alice(broker, cloud):
    for user in (ALICE, BOB, structs.replace(ALICE, tenant="other")):
        await broker.oauth(acting_as(user), "time", ("t",), ask=ASK)
    assert [form["UserToken"] for action, form in cloud.calls if action == FOR_JWT] == [
        "id-token-of-alice",
        "id-token-of-bob",
        "id-token-of-alice",
    ]
    assert cloud.actions().count(OAUTH) == 3


async def test_other_scopes_are_another_token_and_their_order_is_not(broker, cloud):
    one = await broker.oauth(acting_as(), "p", ("a", "b"), ask=ASK)
    assert await broker.oauth(acting_as(), "p", ("b", "a"), ask=ASK) == one
    assert await broker.oauth(acting_as(), "p", ("a",), ask=ASK) != one


async def test_a_token_lives_as_long_as_the_wire_says_less_a_minute(broker, cloud, clock):
    issued = await broker.oauth(acting_as(), "p", ("a",), ask=ASK)
    assert issued.expires_at == START + timedelta(hours=1)
    clock.advance(minutes=58, seconds=59)
    assert await broker.oauth(acting_as(), "p", ("a",), ask=ASK) == issued
    clock.advance(seconds=1)
    assert await broker.oauth(acting_as(), "p", ("a",), ask=ASK) != issued


async def test_a_token_without_a_lifetime_is_not_kept(broker, cloud):
    cloud.script(OAUTH, (200, {"AccessToken": "x"}))
    assert (await broker.oauth(acting_as(), "p", ("a",), ask=ASK)).expires_at is None
    await broker.oauth(acting_as(), "p", ("a",), ask=ASK)
    assert cloud.actions().count(OAUTH) == 2


async def test_the_workload_access_token_is_used_for_four_minutes(broker, cloud, clock):
    await broker.api_key(acting_as(), "a")
    clock.advance(minutes=3, seconds=59)
    await broker.api_key(acting_as(), "b")
    assert cloud.actions().count(FOR_JWT) == 1
    clock.advance(seconds=1)
    await broker.api_key(acting_as(), "c")
    assert cloud.actions().count(FOR_JWT) == 2


async def test_a_workload_access_token_that_the_cloud_forgot_is_renewed_once(broker, cloud):
    await broker.api_key(acting_as(), "a")
    forgotten = (400, {"Code": "InvalidParameter.WorkloadAccessToken"})
    cloud.script("GetResourceAPIKey", forgotten, (200, {"APIKey": "new"}))
    assert (await broker.api_key(acting_as(), "b")).secret == Secret("new")
    cloud.script("GetResourceAPIKey", forgotten)
    with pytest.raises(CloudRefusedError):
        await broker.api_key(acting_as(), "c")
    assert cloud.actions().count(FOR_JWT) == 3


async def test_a_refusal_is_not_kept(broker, cloud):
    cloud.script(OAUTH, (404, {"Code": "EntityNotExists.OAuth2CredentialProvider"}), (200, {"AccessToken": "x"}))
    with pytest.raises(IdentityMisconfiguredError):
        await broker.oauth(acting_as(), "p", ("a",), ask=ASK)
    assert (await broker.oauth(acting_as(), "p", ("a",), ask=ASK)).secret == Secret("x")


async def test_a_token_that_its_receiver_refused_is_asked_for_again(broker, cloud):
    issued = await broker.oauth(acting_as(), "p", ("b", "a"), ask=ASK)
    await broker.forget(acting_as(), issued)
    assert await broker.oauth(acting_as(), "p", ("b", "a"), ask=ASK) != issued


async def test_the_cloud_is_told_where_to_send_the_user_back_and_who_it_is(broker, cloud):
    await broker.oauth(acting_as(), "p", ("b", "a", "a"), ask=ASK)
    form = cloud.calls[-1][1]
    assert form["ResourceOAuth2ReturnURL"] == "https://stack.example/callback"
    assert form["Scopes"] == '["a","b"]'
    assert form["CustomParameters"] == '{"login_hint":"alice"}'
    assert form["OAuth2Flow"] == "USER_FEDERATION"
    assert form["ForceAuthentication"] == "False"


async def test_a_user_who_has_to_be_asked_pauses_the_run_with_one_stored_request(broker, cloud, store):
    cloud.script(OAUTH, needs_authorization(1))
    with pytest.raises(AuthorizationRequired) as asked:
        await broker.oauth(acting_as(), "p", ("a",), ask=ASK)
    [consent] = await store.open_consents("run-1")
    assert consent.id == asked.value.consent.consent_id
    assert consent.expires_at == START + timedelta(minutes=9, seconds=30)
    assert consent.delegation_id == "dlg-alice"
    assert cloud.calls[-1][1]["CustomState"] not in everything_said(consent)


async def test_a_run_that_waits_is_not_asked_twice(broker, cloud, store):
    cloud.script(OAUTH, needs_authorization(1))
    asked = await asyncio.gather(
        *(broker.oauth(acting_as(), "p", ("a",), ask=replace(ASK, call_id=f"c{n}")) for n in range(5)),
        return_exceptions=True,
    )
    with pytest.raises(AuthorizationRequired) as later:
        await broker.oauth(acting_as(), "p", ("a",), ask=ASK)
    assert {one.consent.consent_id for one in asked} == {later.value.consent.consent_id}
    assert cloud.actions().count(OAUTH) == 1


async def test_two_runs_at_once_have_a_request_each(broker, cloud, store):
    cloud.script(OAUTH, needs_authorization(1), needs_authorization(2))
    asked = await asyncio.gather(
        *(broker.oauth(acting_as(run_id=run), "p", ("a",), ask=ASK) for run in ("one", "two")), return_exceptions=True
    )
    assert [one.run_id for one in asked] == ["one", "two"]
    for run in ("one", "two"):
        assert len(await store.open_consents(run)) == 1
    assert len({form["CustomState"] for action, form in cloud.calls if action == OAUTH}) == 2


async def test_after_consent_the_next_call_gets_the_token(broker, cloud, store):
    cloud.script(OAUTH, needs_authorization(1), (200, {"AccessToken": "granted", "ExpiresIn": 3600}))
    with pytest.raises(AuthorizationRequired) as asked:
        await broker.oauth(acting_as(), "p", ("a",), ask=ASK)
    await store.move_consent(asked.value.consent.consent_id, ["requested"], "completed")
    assert (await broker.oauth(acting_as(), "p", ("a",), ask=ASK)).secret == Secret("granted")


async def test_a_request_that_has_expired_is_made_anew(broker, cloud, clock):
    cloud.script(OAUTH, needs_authorization(1), needs_authorization(2))
    ids = set()
    for _ in range(2):
        with pytest.raises(AuthorizationRequired) as asked:
            await broker.oauth(acting_as(), "p", ("a",), ask=ASK)
        ids.add(asked.value.consent.consent_id)
        clock.advance(minutes=10)
    assert len(ids) == 2


async def test_sts_is_narrowed_signed_by_nobody_and_kept_per_policy(broker, cloud, clock):
    one = await broker.sts(acting_as(), POLICY, session_name="s")
    action, form = cloud.calls[-1]
    assert action == "AssumeRoleForWorkloadIdentity"
    assert form["Policy"].startswith('{"Version":"1"')
    assert await broker.sts(acting_as(), dict(POLICY), session_name="s") == one
    assert await broker.sts(acting_as(), POLICY | {"Statement": [{"x": 1}]}, session_name="s") != one
    clock.advance(minutes=14)
    assert await broker.sts(acting_as(), POLICY, session_name="s") != one


@pytest.mark.parametrize("policy", [{}, {"Version": "1", "Statement": []}])
async def test_sts_without_a_narrowing_policy_is_refused(broker, cloud, policy):
    with pytest.raises(IdentityMisconfiguredError):
        await broker.sts(acting_as(), policy, session_name="s")
    assert cloud.calls == []


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"AuthorizationURL": "https://x", "SessionStatus": "FAILED"},
        {"AuthorizationURL": "http://evil.example/", "SessionURI": "urn:ietf:params:oauth:request_uri:1"},
        {"AuthorizationURL": "http://127.0.0.1/", "SessionURI": "urn:ietf:params:oauth:request_uri:1"},
        {"AuthorizationURL": "https://x", "SessionURI": "urn:other:1"},
        {"AuthorizationURL": "javascript:alert(1)", "SessionURI": "urn:ietf:params:oauth:request_uri:1"},
        {"AccessToken": 7},
    ],
    ids=str,
)
async def test_an_answer_that_is_neither_token_nor_safe_address_is_refused(broker, cloud, store, odd):
    cloud.script(OAUTH, (200, odd))
    with pytest.raises(CloudRefusedError):
        await broker.oauth(acting_as(), "p", ("a",), ask=ASK)
    assert await store.open_consents("run-1") == []


@pytest.mark.parametrize("ends", [None, 7, "soon", "2026-11-21T10:00:00"])
async def test_sts_without_a_usable_end_is_refused(broker, cloud, ends):
    given = {"AccessKeyId": "a", "AccessKeySecret": "b", "SecurityToken": "c", "Expiration": ends}
    cloud.script("AssumeRoleForWorkloadIdentity", (200, {"Credentials": given}))
    with pytest.raises(CloudRefusedError):
        await broker.sts(acting_as(), POLICY, session_name="s")


async def test_a_token_that_the_cloud_refuses_never_becomes_a_weaker_identity(broker, cloud):
    cloud.script(FOR_JWT, (400, {"Code": "InvalidParameter.JsonWebToken"}))
    for ask in (
        broker.api_key(acting_as(), "p"),
        broker.oauth(acting_as(), "p", ("a",), ask=ASK),
        broker.sts(acting_as(), POLICY, session_name="s"),
    ):
        with pytest.raises(TokenInvalidError):
            await ask
    assert set(cloud.actions()) == {FOR_JWT}


async def test_a_kept_credential_is_not_for_a_seal_that_holds_another_persons_token(broker, cloud):
    await broker.api_key(acting_as(), "weather")
    await broker.sts(acting_as(), POLICY, session_name="s")
    bobs = acting_as(BOB)
    forged = replace(bobs, user=ALICE)
    for ask in (broker.api_key(forged, "weather"), broker.sts(forged, POLICY, session_name="s")):
        with pytest.raises(DelegationMismatchError):
            await ask


async def test_a_kept_credential_is_not_for_a_token_that_the_cloud_refuses(broker, cloud):
    await broker.api_key(acting_as(), "weather")
    cloud.script(FOR_JWT, (400, {"Code": "InvalidParameter.JsonWebToken"}))
    unsigned = replace(acting_as(), tokens=replace(acting_as().tokens, id_token=Secret("forged")))
    with pytest.raises(TokenInvalidError):
        await broker.api_key(unsigned, "weather")


async def test_an_answer_that_does_not_say_for_whom_is_refused(broker, cloud):
    cloud.script(FOR_JWT, (200, {"WorkloadAccessToken": "wat"}))
    with pytest.raises(CloudRefusedError):
        await broker.api_key(acting_as(), "weather")


async def test_badges_say_which_for_whom_and_until_when_and_nothing_more(broker):
    oauth = await broker.oauth(acting_as(), "p", ("a",), ask=ASK)
    sts = await broker.sts(acting_as(), POLICY, session_name="s")
    key = await broker.api_key(acting_as(), "weather")
    assert (oauth.badge().user, oauth.badge().expires_at) == ("alice", "2026-11-21T10:00:00+00:00")
    assert (sts.badge().kind, sts.badge().user) == ("sts", "alice")
    assert (key.badge().user, key.badge().expires_at) == ("", "")
    for issued in (oauth, key):
        assert issued.secret.reveal() not in everything_said(issued.badge()) + repr(issued)


async def test_no_workload_identity_is_a_fault_of_the_stack(cloud_http, store, desk):
    with pytest.raises(IdentityMisconfiguredError):
        CredentialBroker(structs.replace(SETTINGS, workload_identity=""), cloud_http, store, desk, lambda: KEY)
