"""The official data plane client, unmodified, through every way to a credential."""

import hashlib
import json
from datetime import datetime

import httpx2
import pytest
from alibabacloud_agentidentity20250901 import models as control_models
from alibabacloud_agentidentitydata20251127 import models
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException

from fujie_emulator.testing import running as running_cloud
from tests.contract.identity_stack import RETURN_URL, Stack, consent, query_of, rows, sign_in


@pytest.fixture
def running(tmp_path):
    with running_cloud(tmp_path) as running:
        yield running


@pytest.fixture
def stack(running):
    return Stack(running)


def refused(code, action, *args, **kwargs):
    with pytest.raises((ClientException, ServerException)) as caught:
        action(*args, **kwargs)
    assert caught.value.code == code
    return caught.value


def fingerprint(credential):
    return hashlib.sha256(credential.encode()).hexdigest()[:12]


def test_a_user_consents_once_and_the_agent_gets_a_token_that_the_partner_accepts(running, stack):
    alice = sign_in(running, stack.app_id, "alice")
    wat = stack.wat_for(alice)
    agent = stack.data_as_role(wat)

    asked = stack.ask(agent, wat, custom_state="opaque")
    assert asked.access_token is None
    assert asked.session_status == "IN_PROGRESS"
    assert asked.authorization_url == f"{running.url}/oauth2/authorize?request_uri={asked.session_uri}"

    returned = consent(asked.authorization_url)
    assert returned.startswith(RETURN_URL)
    assert query_of(returned) == {"session_uri": asked.session_uri, "state": "opaque"}
    assert rows(running, "token") == []  # the code waits for its user
    assert stack.ask(agent, wat, session_uri=asked.session_uri).session_status == "IN_PROGRESS"

    stack.complete(asked.session_uri, alice)
    polled = stack.ask(agent, wat, session_uri=asked.session_uri)
    assert 3500 < polled.expires_in <= 3600
    books = f"{running.url}/partners/library/api/books"
    answer = httpx2.get(books, headers={"authorization": f"Bearer {polled.access_token}"})
    assert answer.json() == [{"title": "Shanhaijing"}]

    again = stack.ask(agent, stack.wat_for(alice))
    assert again.access_token == polled.access_token
    assert rows(running, "GetResourceOAuth2Token")[-1]["credential_fingerprint"] == fingerprint(polled.access_token)
    assert rows(running, "Read")[-1]["credential_fingerprint"] == fingerprint(polled.access_token)


def test_bob_is_asked_for_himself(running, stack):
    alice = sign_in(running, stack.app_id, "alice")
    wat = stack.wat_for(alice)
    asked = stack.ask(stack.clients.data, wat)
    consent(asked.authorization_url)
    stack.complete(asked.session_uri, alice)
    assert stack.ask(stack.clients.data, wat).access_token
    assert stack.ask(stack.clients.data, stack.wat("bob")).access_token is None


def test_a_wider_scope_asks_again_and_a_narrower_one_does_not(running, stack):
    alice = sign_in(running, stack.app_id, "alice")
    wat = stack.wat_for(alice)
    both = stack.ask(stack.clients.data, wat, scopes=["books.read", "books.write"])
    consent(both.authorization_url)
    stack.complete(both.session_uri, alice)
    assert stack.ask(stack.clients.data, wat, scopes=["books.read"]).access_token
    other = stack.wat("bob")
    narrow = stack.ask(stack.clients.data, other, scopes=["books.read"])
    consent(narrow.authorization_url, account="bob")
    stack.complete(narrow.session_uri, sign_in(running, stack.app_id, "bob"))
    assert stack.ask(stack.clients.data, other, scopes=["books.read", "books.write"]).access_token is None


def test_another_user_cannot_complete_and_spends_nothing(running, stack):
    alice, bob = (sign_in(running, stack.app_id, user) for user in ("alice", "bob"))
    wat = stack.wat_for(alice)
    asked = stack.ask(stack.clients.data, wat)
    consent(asked.authorization_url, account="bob")
    assert refused("Forbidden.UserIdentifierMismatch", stack.complete, asked.session_uri, bob).status_code == 403
    refused("Forbidden.UserIdentifierMismatch", stack.complete, asked.session_uri, user_id="alice")
    assert rows(running, "token") == []
    assert stack.ask(stack.clients.data, wat).access_token is None
    stack.complete(asked.session_uri, alice)


def test_a_session_can_be_completed_once(running, stack):
    alice = sign_in(running, stack.app_id, "alice")
    asked = stack.ask(stack.clients.data, stack.wat_for(alice))
    refused("InvalidParameter.SessionURI", stack.complete, asked.session_uri, alice)  # nobody consented yet
    consent(asked.authorization_url)
    stack.complete(asked.session_uri, alice)
    refused("InvalidParameter.SessionURI", stack.complete, asked.session_uri, alice)
    refused("InvalidParameter.SessionURI", stack.complete, asked.session_uri + "0", alice)
    assert len(rows(running, "token")) == 1


def test_neither_and_both_user_identifiers_are_refused(running, stack):
    alice = sign_in(running, stack.app_id, "alice")
    asked = stack.ask(stack.clients.data, stack.wat_for(alice))
    refused("InvalidParameter.UserIdentifier", stack.complete, asked.session_uri)
    refused("InvalidParameter.UserIdentifier", stack.complete, asked.session_uri, alice, user_id="alice")


def test_a_link_opens_once_and_only_for_ten_minutes(running, stack):
    wat = stack.wat()
    first = stack.ask(stack.clients.data, wat)
    consent(first.authorization_url)
    assert httpx2.get(first.authorization_url).status_code == 400
    late = stack.ask(stack.clients.data, wat)
    assert late.session_uri != first.session_uri
    running.cloud.clock.advance(601)
    assert httpx2.get(late.authorization_url).status_code == 400
    polled = stack.ask(stack.clients.data, stack.wat(), session_uri=late.session_uri)
    assert (polled.session_status, polled.authorization_url) == ("FAILED", None)


def test_a_head_request_does_not_spend_the_link(running, stack):
    asked = stack.ask(stack.clients.data, stack.wat())
    assert httpx2.head(asked.authorization_url).status_code == 405
    assert consent(asked.authorization_url).startswith(RETURN_URL)


def test_a_denial_comes_back_as_an_error_and_fails_the_session(running, stack):
    wat = stack.wat()
    asked = stack.ask(stack.clients.data, wat, custom_state="opaque")
    returned = query_of(consent(asked.authorization_url, decision="deny"))
    assert returned == {"session_uri": asked.session_uri, "state": "opaque", "error": "access_denied"}
    assert stack.ask(stack.clients.data, wat, session_uri=asked.session_uri).session_status == "FAILED"


def test_the_callback_believes_only_its_own_state_at_its_own_address(running, stack):
    asked = stack.ask(stack.clients.data, stack.wat())
    to_provider = httpx2.get(asked.authorization_url).headers["location"]
    state = query_of(to_provider)["state"]
    assert httpx2.get(stack.callback, params={"code": "c", "state": "guessed"}).status_code == 400
    elsewhere = f"{running.url}/oauth2/callback/another"
    assert httpx2.get(elsewhere, params={"code": "c", "state": state}).status_code == 400
    mixed_up = {"code": "c", "state": state, "iss": "http://127.0.0.1/evil"}
    assert httpx2.get(stack.callback, params=mixed_up).status_code == 400
    assert httpx2.get(stack.callback, params={"code": "c", "state": state}).status_code == 302
    assert httpx2.get(stack.callback, params={"code": "c", "state": state}).status_code == 400


def test_the_provider_is_asked_with_our_words_whatever_the_caller_adds(running, stack):
    custom = {"prompt": "consent", "client_id": "evil", "redirect_uri": "http://localhost/evil", "state": "x", "n": 1}
    asked = stack.ask(stack.clients.data, stack.wat(), custom_parameters=custom)
    query = query_of(httpx2.get(asked.authorization_url).headers["location"])
    assert query["prompt"] == "consent"
    assert query["n"] == "1"
    assert (query["client_id"], query["redirect_uri"]) == ("fujie", stack.callback)
    assert len(query["state"]) > 30
    assert query["code_challenge_method"] == "S256"
    assert query["scope"] == "books.read"


@pytest.mark.parametrize("url", ["http://localhost:8090/callback/", "http://localhost:8090/Callback", "https://evil/"])
def test_a_return_url_that_is_not_on_the_list_byte_for_byte_is_refused(stack, url):
    refused(
        "Missmatch.ResourceOAuth2ReturnURL",
        stack.ask,
        stack.clients.data,
        stack.wat(),
        resource_oauth2_return_url=url,
    )


def test_session_binding_needs_a_return_url(stack):
    code = "MissingParameter.ResourceOAuth2ReturnURL"
    assert refused(code, stack.ask, stack.clients.data, stack.wat(), resource_oauth2_return_url=None).status_code == 400


def test_without_session_binding_the_code_is_redeemed_at_the_callback(running, stack):
    stack.create_identity("unbound", session_binding_enabled=False, allowed_resource_oauth2_return_urls=[])
    wat = stack.wat(identity="unbound")
    asked = stack.ask(stack.clients.data, wat, resource_oauth2_return_url=None)
    assert "Done" in consent(asked.authorization_url).text
    assert stack.ask(stack.clients.data, wat, session_uri=asked.session_uri).access_token


def test_forced_authentication_ignores_the_vault(running, stack):
    alice = sign_in(running, stack.app_id, "alice")
    wat = stack.wat_for(alice)
    asked = stack.ask(stack.clients.data, wat)
    consent(asked.authorization_url)
    stack.complete(asked.session_uri, alice)
    assert stack.ask(stack.clients.data, wat, force_authentication=True).session_uri
    assert stack.ask(stack.clients.data, wat, force_authentication=False).access_token


AT_THE_PROVIDER = {"service": "partner.library", "action": "token"}
ON_THE_WAY = {"service": "agentidentitydata", "action": "library"}


@pytest.mark.parametrize(
    "fault",
    [
        AT_THE_PROVIDER | {"kind": "status", "status": 500},
        AT_THE_PROVIDER | {"kind": "drop"},
        AT_THE_PROVIDER | {"kind": "truncate"},
        ON_THE_WAY | {"kind": "upstream"},
        ON_THE_WAY | {"kind": "upstream", "status": 401},
    ],
)
def test_a_token_endpoint_that_fails_is_an_upstream_error(running, stack, fault):
    alice = sign_in(running, stack.app_id, "alice")
    wat = stack.wat_for(alice)
    asked = stack.ask(stack.clients.data, wat)
    consent(asked.authorization_url)
    running.cloud.faults.arm(fault)
    error = refused("ServiceUnavailable.UpstreamTokenEndpoint", stack.complete, asked.session_uri, alice)
    assert error.status_code == 503
    assert stack.ask(stack.clients.data, wat, session_uri=asked.session_uri).session_status == "FAILED"
    refused("InvalidParameter.SessionURI", stack.complete, asked.session_uri, alice)


def test_a_wat_ends_after_five_minutes(running, stack):
    stack.create_api_key_provider("weather", "key-1")
    wat = stack.wat()
    assert wat.count(".") == 4
    agent = stack.data_as_role(wat)
    request = models.GetResourceAPIKeyRequest(workload_access_token=wat, resource_credential_provider_name="weather")
    running.cloud.clock.advance(299)
    assert agent.get_resource_apikey(request).body.apikey == "key-1"
    running.cloud.clock.advance(2)
    error = refused("InvalidParameter.WorkloadAccessToken", agent.get_resource_apikey, request)
    assert "expired" in error.message
    refused("InvalidParameter.WorkloadAccessToken", stack.assume, wat)
    refused("InvalidParameter.WorkloadAccessToken", stack.assume, stack.wat()[:-4] + "AAAA")


def test_the_role_may_do_what_its_policy_says_and_a_session_policy_takes_away(running, stack):
    stack.create_api_key_provider("weather", "key-1")
    wat = stack.wat()
    request = models.GetResourceAPIKeyRequest(workload_access_token=wat, resource_credential_provider_name="weather")
    assert stack.data_as_role(wat).get_resource_apikey(request).body.apikey == "key-1"
    row = rows(running, "GetResourceAPIKey")[-1]
    assert row["credential_fingerprint"] == fingerprint("key-1")
    assert row["caller"]["type"] == "role"
    only_objects = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "oss:*", "Resource": "*"}]}
    narrowed = stack.data_as_role(wat, policy=json.dumps(only_objects))
    error = refused("NoPermission", narrowed.get_resource_apikey, request)
    assert error.status_code == 403
    assert error.access_denied_detail["AuthAction"] == "agentidentitydata:GetResourceAPIKey"


def test_a_role_that_trusts_one_identity_lets_no_other_in(stack):
    stack.create_identity("stranger")
    refused("NoPermission", stack.assume, stack.wat(identity="stranger"))
    stack.create_identity("roleless", role_arn=None)
    refused("MissingRoleArn", stack.assume, stack.wat(identity="roleless"))


def test_temporary_credentials_last_as_long_as_asked_and_say_for_whom(running, stack):
    body = stack.assume(stack.wat(), duration_seconds=900)
    ends = datetime.fromisoformat(body.credentials.expiration)
    assert 890 < (ends - running.cloud.clock.now()).total_seconds() <= 900
    assert body.assumed_role_user.arn.endswith("demo-role/tests")
    claims = body.workload_context_info.user_context.jwt_claims
    assert claims.subject == running.cloud.account.user("alice").user_id
    assert claims.issuer == f"{running.url}/oauth"
    assert body.workload_context_info.workload_identity_arn == stack.identity_arn


def test_a_role_cannot_fetch_workload_tokens_without_permission(stack):
    agent = stack.data_as_role(stack.wat())
    request = models.GetWorkloadAccessTokenRequest(workload_identity_name="demo")
    refused("NoPermission", agent.get_workload_access_token, request)


def test_an_asserted_user_and_a_proved_one_of_the_same_id_are_not_the_same(running, stack):
    alice = sign_in(running, stack.app_id, "alice")
    wat = stack.wat_for(alice)
    asked = stack.ask(stack.clients.data, wat)
    consent(asked.authorization_url)
    stack.complete(asked.session_uri, alice)
    request = models.GetWorkloadAccessTokenForUserIdRequest(
        workload_identity_name="demo", user_id=running.cloud.account.user("alice").user_id
    )
    body = stack.clients.data.get_workload_access_token_for_user_id(request).body
    assert body.user_context.user_id == running.cloud.account.user("alice").user_id
    assert stack.ask(stack.clients.data, body.workload_access_token).access_token is None


def test_a_wat_without_a_user_opens_nothing_of_a_user(stack):
    request = models.GetWorkloadAccessTokenRequest(workload_identity_name="demo")
    wat = stack.clients.data.get_workload_access_token(request).body.workload_access_token
    refused("InvalidParameter.WorkloadAccessToken", stack.ask, stack.clients.data, wat)


def test_unknown_names_are_not_found(stack):
    request = models.GetWorkloadAccessTokenRequest(workload_identity_name="nobody")
    code = "EntityNotExists.WorkloadIdentity"
    assert refused(code, stack.clients.data.get_workload_access_token, request).status_code == 404
    wat = stack.wat()
    refused("EntityNotExists.OAuth2CredentialProvider", stack.ask, stack.clients.data, wat, provider="nothing")
    key = models.GetResourceAPIKeyRequest(workload_access_token=wat, resource_credential_provider_name="nothing")
    refused("EntityNotExists.APIKeyCredentialProvider", stack.clients.data.get_resource_apikey, key)


def aliyun_provider(stack, name="aliyun"):
    """Declare an outbound application of the account, as the samples do, and the provider that acts through it."""
    callback = f"{stack.running.url}/oauth2/callback/{name}-1"
    scopes = "openid;profile;aliuid;/acs/mcp-server"
    request = ims_models.CreateApplicationRequest(
        app_name=name,
        display_name=name,
        app_type="NativeApp",
        predefined_scopes=scopes,
        required_scopes=scopes,
        redirect_uris=callback,
        protocol_version="2.1",
    )
    app_id = stack.clients.ims.create_application(request).body.application.app_id
    stack.create_oauth_provider(name, included={"ClientId": app_id}, vendor="AliyunOAuth2", callback_url=callback)


def test_a_slow_return_to_the_application_misses_nothing_while_the_consent_session_lives(running, stack):
    aliyun_provider(stack)
    alice = sign_in(running, stack.app_id, "alice")
    asked = stack.ask(stack.clients.data, stack.wat_for(alice), provider="aliyun", scopes=["/acs/mcp-server"])
    consent(asked.authorization_url)
    late = stack.ask(stack.clients.data, stack.wat_for(alice), provider="aliyun", scopes=["/acs/mcp-server"])
    consent(late.authorization_url)
    running.cloud.clock.advance(590)
    stack.complete(asked.session_uri, alice)
    wat = stack.wat_for(alice)
    assert stack.ask(stack.clients.data, wat, provider="aliyun", session_uri=asked.session_uri).access_token
    running.cloud.clock.advance(11)
    refused("InvalidParameter.SessionURI", stack.complete, late.session_uri, alice)


def test_the_role_that_comes_with_an_identity_opens_what_its_agent_needs_and_nothing_more(running, stack):
    stack.create_identity("self-made", role_arn=None, create_ramrole=True)
    stack.create_api_key_provider("weather", "key-1")
    wat = stack.wat(identity="self-made")
    agent = stack.data_as_role(wat)
    request = models.GetResourceAPIKeyRequest(workload_access_token=wat, resource_credential_provider_name="weather")
    assert agent.get_resource_apikey(request).body.apikey == "key-1"
    assert stack.ask(agent, wat).session_uri
    token = models.GetWorkloadAccessTokenRequest(workload_identity_name="self-made")
    refused("NoPermission", agent.get_workload_access_token, token)
    theirs = stack.wat()
    of_another = models.GetResourceAPIKeyRequest(
        workload_access_token=theirs, resource_credential_provider_name="weather"
    )
    refused("NoPermission", agent.get_resource_apikey, of_another)


def test_a_provider_in_another_vault_is_another_one(running, stack):
    stack.clients.control.create_token_vault(control_models.CreateTokenVaultRequest(token_vault_name="side"))
    stack.create_api_key_provider("weather", "default-key")
    request = control_models.CreateAPIKeyCredentialProviderRequest(
        apikey_credential_provider_name="weather", apikey="side-key", token_vault_name="side"
    )
    stack.clients.control.create_apikey_credential_provider(request)
    wat = stack.wat()

    def key(client, **fields):
        request = models.GetResourceAPIKeyRequest(
            workload_access_token=wat, resource_credential_provider_name="weather", **fields
        )
        return client.get_resource_apikey(request).body.apikey

    assert key(stack.clients.data) == "default-key"
    assert key(stack.clients.data, token_vault_name="side") == "side-key"
    refused("EntityNotExists.TokenVault", key, stack.clients.data, token_vault_name="absent")
    role = stack.data_as_role(wat)
    assert key(role) == "default-key"
    refused("NoPermission", key, role, token_vault_name="side")  # its policy names the default vault


def test_tokens_are_kept_per_vault(running, stack):
    stack.clients.control.create_token_vault(control_models.CreateTokenVaultRequest(token_vault_name="side"))
    aliyun_provider(stack)
    alice = sign_in(running, stack.app_id, "alice")
    wat = stack.wat_for(alice)
    asked = stack.ask(stack.clients.data, wat, provider="aliyun", scopes=["openid"])
    consent(asked.authorization_url)
    stack.complete(asked.session_uri, alice)
    app_id = running.cloud.store.list("ims", "application")[-1][0]
    stack.create_oauth_provider("aliyun", included={"ClientId": app_id}, vendor="AliyunOAuth2", token_vault_name="side")
    again = {"provider": "aliyun", "scopes": ["openid"]}
    assert stack.ask(stack.clients.data, wat, **again).access_token
    beside = stack.ask(stack.clients.data, wat, token_vault_name="side", **again)
    assert beside.access_token is None
    assert httpx2.get(beside.authorization_url).status_code == 302
    delete = control_models.DeleteOAuth2CredentialProviderRequest(
        oauth2_credential_provider_name="aliyun", token_vault_name="side"
    )
    stack.clients.control.delete_oauth2_credential_provider(delete)
    assert stack.ask(stack.clients.data, wat, **again).access_token


def test_on_behalf_of_is_refused_where_no_sign_in_is_hosted(running, stack):
    stack.create_oauth_provider("orders", included={"ClientId": "app-1"}, vendor="IDaaS")
    asked = {
        "provider": "orders",
        "scopes": ["read"],
        "oauth2_flow": "ON_BEHALF_OF",
        "audience": "test-aud",
        "resource_oauth2_return_url": None,
    }
    data, wat = stack.clients.data, stack.wat()
    assert refused("Forbidden.InboundCredentialMissing", stack.ask, data, wat, **asked).status_code == 403
    refused("MissingParameter.Audience", stack.ask, data, wat, **asked | {"audience": None})
    refused("MissingParameter.Scopes", stack.ask, data, wat, **asked | {"scopes": []})
    refused("InvalidParameter.OAuth2Flow", stack.ask, data, wat, **asked | {"oauth2_flow": "USER_FEDERATION"})
    nobody = models.GetWorkloadAccessTokenRequest(workload_identity_name="demo")
    userless = data.get_workload_access_token(nobody).body.workload_access_token
    refused("InvalidParameter.WorkloadAccessToken", stack.ask, data, userless, **asked)


def test_another_user_cannot_poll_a_session(stack):
    asked = stack.ask(stack.clients.data, stack.wat())
    refused(
        "InvalidParameter.SessionURI",
        stack.ask,
        stack.clients.data,
        stack.wat("bob"),
        session_uri=asked.session_uri,
    )


def test_the_alibaba_cloud_vendor_leads_to_the_sign_in_pages_consent(running, stack):
    from alibabacloud_ims20190815 import models as ims_models

    callback = f"{running.url}/oauth2/callback/aliyun-1"
    application = ims_models.CreateApplicationRequest(
        app_name="aliyun-mcp",
        display_name="MCP <agent>",
        app_type="NativeApp",
        predefined_scopes="openid;profile;aliuid;/acs/mcp-server",
        required_scopes="openid",
        redirect_uris=callback,
        protocol_version="2.1",
    )
    app_id = stack.clients.ims.create_application(application).body.application.app_id
    stack.create_oauth_provider("aliyun", included={"ClientId": app_id}, vendor="AliyunOAuth2", callback_url=callback)
    alice = sign_in(running, stack.app_id, "alice")
    wat = stack.wat_for(alice)
    asked = stack.ask(stack.clients.data, wat, provider="aliyun", scopes=["openid", "/acs/mcp-server"])
    consent(asked.authorization_url, language="zh-CN,zh;q=0.9")
    stack.complete(asked.session_uri, alice)
    token = stack.ask(stack.clients.data, wat, provider="aliyun", scopes=["/acs/mcp-server"]).access_token

    from fujie_emulator.signin.state import introspect

    active = introspect(running.cloud, token)
    assert (active.name, active.scopes) == ("alice", ("openid", "/acs/mcp-server"))


async def test_the_async_client_is_served_alike(running, stack):
    request = models.GetWorkloadAccessTokenRequest(workload_identity_name="demo")
    body = (await stack.clients.data.get_workload_access_token_async(request)).body
    assert body.workload_identity_arn == stack.identity_arn
