"""A workload acts for a user towards another application: only for a sign-in that is hosted, only as far as granted."""

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.testclient import TestClient

from fujie_emulator.agentidentitydata import on_behalf
from fujie_emulator.core.errors import CloudError
from tests.emulator.calling import call

ASKED = {"OAuth2Flow": "ON_BEHALF_OF", "Audience": "test-aud", "ResourceCredentialProviderName": "orders"}


@pytest.fixture
async def orders(world):
    await call(
        world,
        "agentidentity",
        "CreateOAuth2CredentialProvider",
        OAuth2CredentialProviderName="orders",
        CredentialProviderVendor="IDaaS",
        OAuth2ProviderConfig={"IncludedOAuth2ProviderConfig": {"ClientId": "app-1"}},
    )
    return world


@pytest.fixture
def idaas(orders):
    app = Starlette(routes=on_behalf.http_routes(orders))
    with TestClient(app, base_url=orders.base_url) as client:
        yield client


def host(idaas, issuer, *, subject="alice", session_id="s-1"):
    inbound = [{"issuer": issuer.url, "subject": subject, "session_id": session_id}]
    wanted = {"resource_servers": {"test-aud": ["read", "write.all"]}, "inbound": inbound}
    idaas.put("/_fujie/idaas", json=wanted).raise_for_status()


async def delegated(cloud, issuer, *, session_id="s-1", scopes=("read",), **changes):
    claims = {"session_id": session_id} if session_id else {}
    wat = await call(
        cloud,
        "agentidentitydata",
        "GetWorkloadAccessTokenForJWT",
        WorkloadIdentityName="demo",
        UserToken=issuer.token(cloud, **claims),
    )
    wanted = ASKED | {"WorkloadAccessToken": wat["WorkloadAccessToken"], "Scopes": list(scopes)} | changes
    return await call(cloud, "agentidentitydata", "GetResourceOAuth2Token", **wanted)


async def refused(code, awaitable):
    with pytest.raises(CloudError) as caught:
        await awaitable
    assert (caught.value.code, caught.value.status) == (code, 403)


async def test_the_token_names_the_user_and_the_workload_that_acts(orders, idaas, issuer):
    host(idaas, issuer)
    answer = await delegated(orders, issuer, scopes=("read", "write.all"))
    metadata = idaas.get(f"{on_behalf.ISSUER}/.well-known/openid-configuration").json()
    keys = KeySet.import_key_set(idaas.get(metadata["jwks_uri"]).json())
    claims = jwt.decode(answer["AccessToken"], keys, ["RS256"]).claims
    assert (claims["iss"], claims["aud"], claims["sub"]) == (metadata["issuer"], "test-aud", "alice")
    assert claims["act"]["sub"].endswith(":workloadidentitydirectory/default/workloadidentity/demo")
    assert claims["scope"] == "read write.all"
    assert claims["exp"] - claims["iat"] == answer["ExpiresIn"] == 1200


@pytest.mark.parametrize("session_id", ["s-2", ""])
async def test_a_session_that_is_not_hosted_is_missing(orders, idaas, issuer, session_id):
    host(idaas, issuer)
    await refused("Forbidden.InboundCredentialMissing", delegated(orders, issuer, session_id=session_id))


async def test_another_users_session_is_missing(orders, idaas, issuer):
    host(idaas, issuer, subject="bob")
    await refused("Forbidden.InboundCredentialMissing", delegated(orders, issuer))


async def test_without_session_binding_it_is_missing(orders, idaas, issuer):
    host(idaas, issuer)
    await call(
        orders, "agentidentity", "UpdateWorkloadIdentity", WorkloadIdentityName="demo", SessionBindingEnabled=False
    )
    await refused("Forbidden.InboundCredentialMissing", delegated(orders, issuer))


async def test_audience_and_scopes_end_where_the_grant_ends(orders, idaas, issuer):
    host(idaas, issuer)
    await refused("Forbidden.IdaasRsNotAuthorized", delegated(orders, issuer, Audience="agent-app-1"))
    await refused("Forbidden.ScopeNotGranted", delegated(orders, issuer, scopes=("read", "admin")))


@pytest.mark.parametrize(
    "wanted",
    [{"inbound": {}}, {"inbound": [{"issuer": "i"}]}, {"resource_servers": []}, {"resource_servers": {"a": 1}}],
)
async def test_a_setup_that_cannot_be_meant_changes_nothing(orders, idaas, wanted):
    with pytest.raises(CloudError):
        idaas.put("/_fujie/idaas", json={"resource_servers": {"x": []}} | wanted)
    assert orders.store.list("agentidentitydata", "idaas-resource") == []
