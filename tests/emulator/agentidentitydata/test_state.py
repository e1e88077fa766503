"""The vault's life over time, machine tokens, and a provider that misbehaves."""

import asyncio
import time

import httpx2
import pytest

from fujie_emulator.agentidentitydata import state, upstream
from fujie_emulator.core.errors import CloudError
from tests.contract.identity_stack import query_of
from tests.emulator.agentidentitydata.conftest import create_provider
from tests.emulator.calling import NOBODY, call


async def refused(code, awaitable):
    with pytest.raises(CloudError) as caught:
        await awaitable
    assert caught.value.code == code
    return caught.value


async def consented(cloud, issuer, wat, ask, **fields):
    """Walk a consent to its end without a browser and return its session URI."""
    uri = (await ask(cloud, wat, **fields))["SessionURI"]
    query = query_of(await state.provider_redirect(cloud, uri))
    provider = state.oauth_provider(cloud, fields.get("provider", "calendar"))
    await state.returned(cloud, provider, state=query["state"], code="code-1", issuer="")
    await call(
        cloud,
        "agentidentitydata",
        "CompleteResourceTokenAuth",
        SessionURI=uri,
        UserIdentifier={"UserJWT": issuer.token(cloud)},
    )
    return uri


async def test_the_code_is_redeemed_with_the_verifier_of_the_challenge(world, issuer, outside, ask, wat_of):
    uri = (await ask(world, await wat_of(world)))["SessionURI"]
    query = query_of(await state.provider_redirect(world, uri))
    provider = state.oauth_provider(world, "calendar")
    await state.returned(world, provider, state=query["state"], code="code-1", issuer=outside.url)
    await state.redeem(world, uri)
    form = outside.forms[-1]
    assert state._s256(form.pop("code_verifier")) == query["code_challenge"]
    assert form == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": provider["CallbackURL"],
        "client_id": "cid",
        "client_secret": "csec",
    }


async def test_concurrent_callers_share_one_refresh(world, issuer, outside, ask, wat_of):
    await consented(world, issuer, await wat_of(world), ask)
    world.clock.advance(3600)
    outside.forms.clear()

    def slow(form):
        time.sleep(0.1)
        return 200, {"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 3600}

    outside.answers["/token"] = slow
    wat = await wat_of(world)
    answers = await asyncio.gather(*(ask(world, wat) for _ in range(5)))
    assert {answer["AccessToken"] for answer in answers} == {"at-2"}
    assert [form["refresh_token"] for form in outside.forms] == ["rt-1"]


async def test_a_refused_refresh_asks_the_user_again(world, issuer, outside, ask, wat_of):
    await consented(world, issuer, await wat_of(world), ask)
    world.clock.advance(3600)
    outside.answers["/token"] = (400, {"error": "invalid_grant"})
    assert "SessionURI" in await ask(world, await wat_of(world))


async def test_a_provider_that_is_down_during_a_refresh_costs_no_consent(world, issuer, outside, ask, wat_of):
    await consented(world, issuer, await wat_of(world), ask)
    world.clock.advance(3600)
    working = outside.answers["/token"]
    outside.answers["/token"] = (503, {})
    error = await refused("ServiceUnavailable.UpstreamTokenEndpoint", ask(world, await wat_of(world)))
    assert error.status == 503
    outside.answers["/token"] = working
    assert (await ask(world, await wat_of(world)))["AccessToken"] == "at-1"


async def test_a_provider_that_grants_less_is_asked_again_for_the_rest(world, issuer, outside, ask, wat_of):
    outside.answers["/token"] = (200, {"access_token": "at-1", "expires_in": 3600, "scope": "read"})
    wat = await wat_of(world)
    uri = await consented(world, issuer, wat, ask, scopes=["read", "write"])
    assert (await ask(world, wat, scopes=["read", "write"], SessionURI=uri))["AccessToken"] == "at-1"
    assert "AccessToken" in await ask(world, wat, scopes=["read"])
    assert "SessionURI" in await ask(world, wat, scopes=["read", "write"])


async def test_a_deleted_provider_takes_its_tokens_along(world, issuer, outside, ask, wat_of):
    wat = await wat_of(world)
    await consented(world, issuer, wat, ask)
    await call(world, "agentidentity", "DeleteOAuth2CredentialProvider", OAuth2CredentialProviderName="calendar")
    await create_provider(world, outside, "calendar")
    assert "SessionURI" in await ask(world, wat)


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"not json"),
        (200, []),
        (200, {}),
        (200, {"access_token": 5}),
        (200, {"access_token": "a", "token_type": "mac"}),
        (200, {"access_token": "a", "expires_in": "soon"}),
        (200, {"access_token": "a", "expires_in": -1}),
        (200, b"x" * 70_000),
        (302, {}),
        (400, {"error": "invalid_client", "error_description": "csec is wrong"}),
    ],
)
async def test_a_token_answer_that_is_not_one_fails_the_session(world, issuer, outside, ask, wat_of, answer):
    outside.answers["/token"] = answer
    outside.answers["/elsewhere"] = (200, {"access_token": "stolen"})
    error = await refused(
        "ServiceUnavailable.UpstreamTokenEndpoint", consented(world, issuer, await wat_of(world), ask)
    )
    assert "csec" not in error.message
    assert "code-1" not in error.message


async def test_a_provider_that_hangs_is_given_up_at_the_deadline(world, issuer, outside, ask, wat_of, monkeypatch):
    wat = await wat_of(world)
    monkeypatch.setattr(upstream, "DEADLINE_S", 0.2)

    def hang(form):
        time.sleep(1)
        return 200, {"access_token": "late"}

    outside.answers["/token"] = hang
    before = time.monotonic()
    await refused("ServiceUnavailable.UpstreamTokenEndpoint", consented(world, issuer, wat, ask))
    assert time.monotonic() - before < 0.9


async def test_a_provider_known_by_its_metadata_is_used_as_that_says(world, issuer, outside, ask, wat_of):
    outside.answers["/metadata"] = (
        200,
        {
            "issuer": outside.url,
            "authorization_endpoint": f"{outside.url}/go?tenant=1",
            "token_endpoint": f"{outside.url}/token",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["plain"],
        },
    )
    discovery = {"DiscoveryURL": f"{outside.url}/metadata"}
    custom = {"ClientId": "c:d", "ClientSecret": "s&s", "OAuth2Discovery": discovery}
    await call(
        world,
        "agentidentity",
        "CreateOAuth2CredentialProvider",
        OAuth2CredentialProviderName="described",
        CredentialProviderVendor="CustomOAuth2",
        OAuth2ProviderConfig={"CustomOAuth2ProviderConfig": custom},
    )
    wat = await wat_of(world)
    uri = (await ask(world, wat, provider="described"))["SessionURI"]
    location = await state.provider_redirect(world, uri)
    assert location.startswith(f"{outside.url}/go?tenant=1&")
    assert "code_challenge" not in query_of(location)
    await consented(world, issuer, wat, ask, provider="described")
    assert outside.headers[-1]["authorization"] == "Basic YyUzQWQ6cyUyNnM="
    assert "client_secret" not in outside.forms[-1]
    outside.answers["/metadata"] = (500, {})
    uri = (await ask(world, wat, provider="described", ForceAuthentication=True))["SessionURI"]
    await refused("InvalidOAuthDiscoveryURL", state.provider_redirect(world, uri))


async def test_a_machine_token_needs_no_user_and_is_kept_until_it_ends(world, outside, ask):
    await create_provider(world, outside, "robot", OAuthType="M2M")
    identity = {"WorkloadIdentityName": "demo"}
    wat = (await call(world, "agentidentitydata", "GetWorkloadAccessToken", **identity))["WorkloadAccessToken"]
    custom = {"resource": "r", "grant_type": "password", "scope": "all"}
    first = await ask(world, wat, provider="robot", CustomParameters=custom)
    assert first["AccessToken"] == "at-1"
    assert 3590 < first["ExpiresIn"] <= 3600
    assert outside.forms[-1] == {
        "grant_type": "client_credentials",
        "scope": "read",
        "resource": "r",
        "client_id": "cid",
        "client_secret": "csec",
    }
    await ask(world, wat, provider="robot", OAuth2Flow="M2M", CustomParameters=custom)
    assert len(outside.forms) == 1
    await ask(world, wat, provider="robot", CustomParameters=custom, ForceAuthentication=True)
    assert len(outside.forms) == 2


async def test_a_machine_token_for_one_resource_is_not_given_out_for_another(world, outside, ask):
    await create_provider(world, outside, "robot", OAuthType="M2M")
    outside.answers["/token"] = lambda form: (200, {"access_token": f"for {form.get('resource')}", "expires_in": 60})
    identity = {"WorkloadIdentityName": "demo"}
    wat = (await call(world, "agentidentitydata", "GetWorkloadAccessToken", **identity))["WorkloadAccessToken"]
    got = [
        (await ask(world, wat, provider="robot", CustomParameters=custom))["AccessToken"]
        for custom in ({"resource": "a"}, {"resource": "b"}, None)
    ]
    assert got == ["for a", "for b", "for None"]


@pytest.mark.parametrize(
    ("flow", "code"),
    [
        ("ON_BEHALF_OF", "InvalidParameter.OAuth2Flow"),
        ("M2M", "InvalidParameter.OAuth2Flow"),
        ("other", "InvalidParameter.OAuth2Flow"),
    ],
)
async def test_a_flow_that_the_provider_does_not_have_is_refused(world, ask, wat_of, flow, code):
    await refused(code, ask(world, await wat_of(world), OAuth2Flow=flow))


async def test_scopes_that_are_not_one_json_list_count_as_missing(world, wat_of):
    wanted = {"WorkloadAccessToken": await wat_of(world), "ResourceCredentialProviderName": "calendar"}
    for scopes in ({"Scopes.1": "read"}, {"Scopes": "read"}, {"Scopes": {"a": "b"}}):
        await refused(
            "MissingParameter.Scopes", call(world, "agentidentitydata", "GetResourceOAuth2Token", **wanted, **scopes)
        )
    bad = {"Scopes": ["read write"]}
    await refused(
        "InvalidParameter.Scopes", call(world, "agentidentitydata", "GetResourceOAuth2Token", **wanted, **bad)
    )


async def test_who_may_not_is_refused_before_anything_is_looked_up(world, wat_of):
    wat = await wat_of(world)
    actions = {
        "GetWorkloadAccessToken": {"WorkloadIdentityName": "absent"},
        "GetResourceAPIKey": {"WorkloadAccessToken": wat, "ResourceCredentialProviderName": "absent"},
        "GetResourceOAuth2Token": {"WorkloadAccessToken": wat, "ResourceCredentialProviderName": "absent"},
        "CompleteResourceTokenAuth": {"SessionURI": "absent", "UserIdentifier": {"UserId": "u"}},
    }
    for action, parameters in actions.items():
        await refused("NoPermission", call(world, "agentidentitydata", action, NOBODY, **parameters))


async def test_a_workload_token_is_worth_nothing_once_its_identity_is_gone(world, ask, wat_of):
    wat = await wat_of(world)
    await call(world, "agentidentity", "DeleteWorkloadIdentity", WorkloadIdentityName="demo")
    await refused("EntityNotExists.WorkloadIdentity", ask(world, wat))


async def test_the_upstream_client_goes_by_no_proxy(monkeypatch, world, ask, issuer, wat_of):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert isinstance(upstream._client(), httpx2.AsyncClient)
    await consented(world, issuer, await wat_of(world), ask)
