"""The official control plane client, unmodified: what a stack declares."""

import importlib
import inspect
import re

import pytest
from alibabacloud_agentidentity20250901 import models
from alibabacloud_agentidentity20250901.client import Client
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_tea_openapi.exceptions import ClientException

from fujie_emulator.testing import running as running_cloud
from tests.contract.identity_stack import clients, config

ENDPOINTS = {
    "Issuer": "https://idp.example",
    "AuthorizationRequest": {"Endpoint": "https://idp.example/authorize"},
    "TokenRequest": {"Endpoint": "https://idp.example/token"},
    "PKCE": {"Enabled": True},
}
CUSTOM = {
    "CustomOAuth2ProviderConfig": {
        "ClientId": "cid",
        "ClientSecret": "a-very-secret-value",
        "OAuth2Discovery": {"AuthorizationServerMetadata": ENDPOINTS},
    }
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="module")
def client(running):
    return Client(config(running))


def refused(code, action, request):
    with pytest.raises(ClientException) as caught:
        action(request)
    assert caught.value.code == code
    return caught.value


def oauth_request(name, provider_config, vendor="CustomOAuth2", **fields):
    return models.CreateOAuth2CredentialProviderRequest(
        oauth2_credential_provider_name=name,
        credential_provider_vendor=vendor,
        oauth2_provider_config=models.OAuth2ProviderConfig().from_map(provider_config),
        **fields,
    )


def create_identity_provider(client, name):
    client.create_identity_provider(
        models.CreateIdentityProviderRequest(
            identity_provider_name=name, discovery_url="https://idp.example/d", allowed_audience=["a", "b"]
        )
    )


def test_a_workload_identity_is_created_read_changed_and_deleted(running, client):
    create_identity_provider(client, "bound")
    request = models.CreateWorkloadIdentityRequest(
        workload_identity_name="demo",
        role_arn=f"acs:ram::{running.account_id}:role/AgentIdentityRole-demo",
        allowed_resource_oauth2_return_urls=["http://localhost:8090/callback", "https://a.example/b?c=d"],
        identity_provider_name="bound",
        session_binding_enabled=True,
        create_ramrole=False,
        description="Workload identity 演示",
    )
    created = client.create_workload_identity(request).body.workload_identity
    base = f"acs:agentidentity:{running.region}:{running.account_id}"
    assert created.workload_identity_arn == f"{base}:workloadidentitydirectory/default/workloadidentity/demo"
    get = models.GetWorkloadIdentityRequest(workload_identity_name="demo")
    read = client.get_workload_identity(get).body.workload_identity
    assert read.to_map() == created.to_map()
    assert read.allowed_resource_oauth2_return_urls == request.allowed_resource_oauth2_return_urls
    assert read.session_binding_enabled is True
    client.update_workload_identity(
        models.UpdateWorkloadIdentityRequest(
            workload_identity_name="demo", allowed_resource_oauth2_return_urls=[], session_binding_enabled="False"
        )
    )
    changed = client.get_workload_identity(get).body.workload_identity
    assert (changed.allowed_resource_oauth2_return_urls, changed.session_binding_enabled) == ([], False)
    assert (changed.role_arn, changed.description) == (created.role_arn, created.description)
    client.delete_workload_identity(models.DeleteWorkloadIdentityRequest(workload_identity_name="demo"))
    assert refused("EntityNotExists.WorkloadIdentity", client.get_workload_identity, get).status_code == 404


def test_names_in_use_conflict_and_absent_ones_are_not_found(client):
    create_identity_provider(client, "twice")
    duplicate = models.CreateIdentityProviderRequest(
        identity_provider_name="twice", discovery_url="https://idp.example/d", allowed_audience=["a"]
    )
    assert (
        refused("EntityAlreadyExists.IdentityProvider", client.create_identity_provider, duplicate).status_code == 409
    )
    client.create_oauth2_credential_provider(oauth_request("twice", CUSTOM))
    refused(
        "EntityAlreadyExists.OAuth2CredentialProvider",
        client.create_oauth2_credential_provider,
        oauth_request("twice", CUSTOM),
    )
    key = models.CreateAPIKeyCredentialProviderRequest(apikey_credential_provider_name="twice", apikey="k")
    client.create_apikey_credential_provider(key)
    refused("EntityAlreadyExists.APIKeyCredentialProvider", client.create_apikey_credential_provider, key)
    absent = models.DeleteAPIKeyCredentialProviderRequest(apikey_credential_provider_name="absent")
    refused("EntityNotExists.APIKeyCredentialProvider", client.delete_apikey_credential_provider, absent)
    absent = models.DeleteOAuth2CredentialProviderRequest(oauth2_credential_provider_name="absent")
    refused("EntityNotExists.OAuth2CredentialProvider", client.delete_oauth2_credential_provider, absent)
    absent = models.DeleteIdentityProviderRequest(identity_provider_name="absent")
    refused("EntityNotExists.IdentityProvider", client.delete_identity_provider, absent)
    absent = models.DeleteWorkloadIdentityRequest(workload_identity_name="absent")
    refused("EntityNotExists.WorkloadIdentity", client.delete_workload_identity, absent)


def test_an_oauth_provider_keeps_its_secret_to_itself(running, client):
    created = client.create_oauth2_credential_provider(oauth_request("quiet", CUSTOM)).body
    provider = created.oauth2_credential_provider
    assert provider.callback_url.startswith(f"{running.url}/oauth2/callback/")
    assert (provider.oauth_type, provider.token_vault_name) == ("USER_FEDERATION", "default")
    get = models.GetOAuth2CredentialProviderRequest(oauth2_credential_provider_name="quiet")
    read = client.get_oauth2_credential_provider(get).body
    listed = client.list_oauth2_credential_providers(models.ListOAuth2CredentialProvidersRequest()).body
    for answer in (created, read, listed):
        assert "a-very-secret-value" not in str(answer.to_map())
    custom = read.oauth2_credential_provider.oauth2_provider_config.custom_oauth2_provider_config
    assert custom.client_id == "cid"
    assert custom.oauth2_discovery.authorization_server_metadata.token_request.endpoint == "https://idp.example/token"


def test_an_update_without_a_secret_keeps_the_one_of_the_same_client(running, client):
    client.create_oauth2_credential_provider(oauth_request("kept", CUSTOM))
    inner = {key: value for key, value in CUSTOM["CustomOAuth2ProviderConfig"].items() if key != "ClientSecret"}

    def update(client_id):
        changed = {"CustomOAuth2ProviderConfig": inner | {"ClientId": client_id}}
        client.update_oauth2_credential_provider(
            models.UpdateOAuth2CredentialProviderRequest(
                oauth2_credential_provider_name="kept",
                oauth2_provider_config=models.OAuth2ProviderConfig().from_map(changed),
                credential_provider_vendor="CustomOAuth2",
            )
        )
        doc = running.cloud.store.get("agentidentity", "OAuth2CredentialProvider", "kept")
        return doc["OAuth2ProviderConfig"]["CustomOAuth2ProviderConfig"].get("ClientSecret")

    assert update("cid") == "a-very-secret-value"
    assert update("another") is None


def test_an_api_key_is_never_shown(client):
    request = models.CreateAPIKeyCredentialProviderRequest(apikey_credential_provider_name="hush", apikey="12345678")
    created = client.create_apikey_credential_provider(request).body
    get = models.GetAPIKeyCredentialProviderRequest(apikey_credential_provider_name="hush")
    read = client.get_apikey_credential_provider(get).body
    assert created.apikey_credential_provider.credential_provider_arn.endswith(
        ":tokenvault/default/apikeycredentialprovider/hush"
    )
    assert "12345678" not in str(created.to_map()) + str(read.to_map())


def test_listings_come_in_pages(client):
    for number in range(3):
        client.create_workload_identity(models.CreateWorkloadIdentityRequest(workload_identity_name=f"page-{number}"))
    seen, token = [], None
    while True:
        request = models.ListWorkloadIdentitiesRequest(max_results=2, next_token=token)
        body = client.list_workload_identities(request).body
        seen += [identity.workload_identity_name for identity in body.workload_identities]
        token = body.next_token
        if not token:
            break
    assert [name for name in seen if name.startswith("page-")] == ["page-0", "page-1", "page-2"]
    assert body.total_count == len(seen)
    refused(
        "InvalidParameter.MaxResults",
        client.list_workload_identities,
        models.ListWorkloadIdentitiesRequest(max_results=0),
    )


def test_every_account_has_a_default_vault(running, client):
    vault = client.get_token_vault(models.GetTokenVaultRequest(token_vault_name="default")).body.token_vault
    assert vault.token_vault_arn == f"acs:agentidentity:{running.region}:{running.account_id}:tokenvault/default"
    assert vault.encryption_config.key_type == "SERVICE_MANAGED_KEY"
    other = models.GetTokenVaultRequest(token_vault_name="other")
    refused("EntityNotExists.TokenVault", client.get_token_vault, other)
    default = models.DeleteTokenVaultRequest(token_vault_name="default")
    assert refused("Forbidden.DefaultTokenVault", client.delete_token_vault, default).status_code == 403


def test_a_vault_is_made_changed_and_deleted_once_it_is_empty(running, client):
    config = models.EncryptionConfig(key_type="CUSTOMER_MANAGED_KEY", kms_key_arn="acs:kms:x")
    request = models.CreateTokenVaultRequest(token_vault_name="tv", encryption_config=config, description="d")
    created = client.create_token_vault(request).body.token_vault
    assert created.encryption_config.kms_key_arn == "acs:kms:x"
    refused("EntityAlreadyExists.TokenVault", client.create_token_vault, request)
    role = f"acs:ram::{running.account_id}:role/to-kms"
    client.update_token_vault(models.UpdateTokenVaultRequest(token_vault_name="tv", role_arn=role))
    read = client.get_token_vault(models.GetTokenVaultRequest(token_vault_name="tv")).body.token_vault
    assert (read.role_arn, read.description, read.create_time) == (role, "d", created.create_time)
    listed = client.list_token_vaults(models.ListTokenVaultsRequest(max_results=1)).body
    assert (listed.total_count, listed.next_token) == (2, "default")
    rest = client.list_token_vaults(models.ListTokenVaultsRequest(next_token=listed.next_token)).body
    assert [vault.token_vault_name for vault in rest.token_vaults] == ["tv"]
    key = {"apikey_credential_provider_name": "in-tv", "token_vault_name": "tv"}
    client.create_apikey_credential_provider(models.CreateAPIKeyCredentialProviderRequest(apikey="k", **key))
    delete = models.DeleteTokenVaultRequest(token_vault_name="tv")
    assert refused("DeleteConflict.TokenVault", client.delete_token_vault, delete).status_code == 409
    client.delete_apikey_credential_provider(models.DeleteAPIKeyCredentialProviderRequest(**key))
    client.delete_token_vault(delete)
    refused("EntityNotExists.TokenVault", client.delete_token_vault, delete)


def test_a_name_may_be_used_once_in_every_vault(running, client):
    client.create_token_vault(models.CreateTokenVaultRequest(token_vault_name="side"))
    for vault in ("default", "side"):
        created = client.create_oauth2_credential_provider(oauth_request("same", CUSTOM, token_vault_name=vault)).body
        arn = created.oauth2_credential_provider.credential_provider_arn
        assert arn.endswith(f":tokenvault/{vault}/oauth2credentialprovider/same")
    refused(
        "EntityAlreadyExists.OAuth2CredentialProvider",
        client.create_oauth2_credential_provider,
        oauth_request("same", CUSTOM, token_vault_name="side"),
    )
    request = models.ListOAuth2CredentialProvidersRequest(token_vault_name="side")
    listed = client.list_oauth2_credential_providers(request).body
    assert [p.oauth2_credential_provider_name for p in listed.oauth2_credential_providers] == ["same"]
    assert listed.total_count == 1
    here = {"oauth2_credential_provider_name": "same", "token_vault_name": "side"}
    client.update_oauth2_credential_provider(
        models.UpdateOAuth2CredentialProviderRequest(description="changed", **here)
    )
    get = models.GetOAuth2CredentialProviderRequest
    assert client.get_oauth2_credential_provider(get(**here)).body.oauth2_credential_provider.description == "changed"
    client.delete_oauth2_credential_provider(models.DeleteOAuth2CredentialProviderRequest(**here))
    kept = client.get_oauth2_credential_provider(get(oauth2_credential_provider_name="same")).body
    assert kept.oauth2_credential_provider.description == ""


def test_an_account_has_one_provider_at_idaas(running, client):
    config = {"IncludedOAuth2ProviderConfig": {"ClientId": "app-1"}}
    created = client.create_oauth2_credential_provider(oauth_request("obo", config, "IDaaS")).body
    provider = created.oauth2_credential_provider
    assert provider.oauth_type == "ON_BEHALF_OF"
    get = models.GetOAuth2CredentialProviderRequest(oauth2_credential_provider_name="obo")
    read = client.get_oauth2_credential_provider(get).body.oauth2_credential_provider
    assert (read.outbound_client_id, read.outbound_audience) == ("app-1", "agent-app-1")
    second = oauth_request("obo-2", config, "IDaaS")
    refused("QuotaExceeded.OAuth2CredentialProvider", client.create_oauth2_credential_provider, second)


def test_a_role_is_made_for_an_identity_that_asks_for_one(running, client):
    request = models.CreateWorkloadIdentityRequest(workload_identity_name="self-made", create_ramrole=True)
    identity = client.create_workload_identity(request).body.workload_identity
    assert identity.role_arn == f"acs:ram::{running.account_id}:role/AgentRole-self-made"
    ram = clients(running).ram
    role = ram.get_role(ram_models.GetRoleRequest(role_name="AgentRole-self-made")).body.role
    assert identity.workload_identity_arn in role.assume_role_policy_document
    attached = ram.list_policies_for_role(ram_models.ListPoliciesForRoleRequest(role_name="AgentRole-self-made")).body
    assert [policy.policy_name for policy in attached.policies.policy] == ["AgentRolePolicy-self-made"]
    again = models.CreateWorkloadIdentityRequest(workload_identity_name="self-made", create_ramrole=True)
    refused("EntityAlreadyExists.Role", client.create_workload_identity, again)


@pytest.mark.parametrize("name", ["", "-leading", "has space", "ümlaut", "a/b", "*", "x" * 129])
def test_a_malformed_name_is_refused(client, name):
    request = models.CreateWorkloadIdentityRequest(workload_identity_name=name)
    code = "InvalidParameter.WorkloadIdentityName" if name else "MissingParameter.WorkloadIdentityName"
    refused(code, client.create_workload_identity, request)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"role_arn": "acs:ram::1111111111111111:role/r"}, "InvalidParameter.RoleArn"),
        ({"role_arn": "role"}, "InvalidParameter.RoleArn"),
        ({"identity_provider_name": "absent"}, "EntityNotExists.IdentityProvider"),
        ({"allowed_resource_oauth2_return_urls": ["/callback"]}, "InvalidParameter.AllowedResourceOAuth2ReturnURLs"),
        (
            {"allowed_resource_oauth2_return_urls": ["javascript:alert(1)"]},
            "InvalidParameter.AllowedResourceOAuth2ReturnURLs",
        ),
        ({"create_ramrole": True, "role_arn": "acs:ram::1900000000000001:role/r"}, "InvalidParameter.CreateRAMRole"),
    ],
)
def test_a_workload_identity_that_could_not_work_is_refused(client, fields, code):
    refused(
        code,
        client.create_workload_identity,
        models.CreateWorkloadIdentityRequest(workload_identity_name="x", **fields),
    )


@pytest.mark.parametrize(
    ("provider_config", "vendor", "fields", "code"),
    [
        (CUSTOM, "NoVendor", {}, "InvalidParameter.CredentialProviderVendor"),
        (CUSTOM, "AliyunOAuth2", {}, "InvalidParameter.OAuth2ProviderConfig"),
        (
            {"CustomOAuth2ProviderConfig": {"ClientId": "c"}},
            "CustomOAuth2",
            {},
            "InvalidParameter.OAuth2ProviderConfig",
        ),
        ({"IncludedOAuth2ProviderConfig": {}}, "AliyunOAuth2", {}, "InvalidParameter.OAuth2ProviderConfig"),
        ({"IncludedOAuth2ProviderConfig": {"ClientId": "c"}}, "FeiShuOAuth2", {}, "UnsupportedOperation"),
        (CUSTOM, "CustomOAuth2", {"callback_url": "https://evil.example/cb"}, "InvalidParameter.CallbackURL"),
        (CUSTOM, "CustomOAuth2", {"oauth_type": "ON_BEHALF_OF"}, "InvalidParameter.OAuthType"),
        (
            {"IncludedOAuth2ProviderConfig": {"ClientId": "c"}},
            "IDaaS",
            {"oauth_type": "M2M"},
            "InvalidParameter.OAuthType",
        ),
        (
            {"IncludedOAuth2ProviderConfig": {"ClientId": "c", "TokenEndpoint": "https://a.example/t"}},
            "DingTalkOAuth2",
            {},
            "InvalidParameter.OAuth2ProviderConfig",
        ),
        (CUSTOM, "CustomOAuth2", {"token_vault_name": "other"}, "EntityNotExists.TokenVault"),
    ],
)
def test_an_oauth_provider_that_could_not_work_is_refused(client, provider_config, vendor, fields, code):
    refused(code, client.create_oauth2_credential_provider, oauth_request("x", provider_config, vendor, **fields))


def test_an_identity_provider_without_audience_would_let_anyone_in_and_is_refused(client):
    request = models.CreateIdentityProviderRequest(identity_provider_name="x", discovery_url="https://idp.example/d")
    refused("MissingParameter.AllowedAudience", client.create_identity_provider, request)


def test_two_providers_cannot_share_a_callback(running, client):
    callback = f"{running.url}/oauth2/callback/shared"
    client.create_oauth2_credential_provider(oauth_request("first", CUSTOM, callback_url=callback))
    second = oauth_request("second", CUSTOM, callback_url=callback)
    refused("InvalidParameter.CallbackURL", client.create_oauth2_credential_provider, second)


def test_what_is_not_emulated_is_refused_by_name(client):
    error = refused(
        "UnsupportedOperation", client.create_user_pool, models.CreateUserPoolRequest(user_pool_name="pool")
    )
    assert "CreateUserPool" in error.message


@pytest.mark.parametrize(
    ("official", "service"),
    [
        ("alibabacloud_agentidentity20250901", "agentidentity"),
        ("alibabacloud_agentidentitydata20251127", "agentidentitydata"),
    ],
)
def test_every_action_of_the_official_client_is_done_or_refused_by_name(official, service):
    source = inspect.getsource(importlib.import_module(f"{official}.client"))
    routes = importlib.import_module(f"fujie_emulator.{service}.routes")
    known = set(routes.ACTIONS) | set(getattr(routes, "REFUSED", {}))
    assert set(re.findall(r"action = '(\w+)'", source)) == known


async def test_the_client_without_threads_sees_the_same(client):
    name = {"token_vault_name": "async"}
    created = (await client.create_token_vault_async(models.CreateTokenVaultRequest(**name))).body.token_vault
    read = (await client.get_token_vault_async(models.GetTokenVaultRequest(**name))).body.token_vault
    assert read.token_vault_arn == created.token_vault_arn
    await client.delete_token_vault_async(models.DeleteTokenVaultRequest(**name))
    with pytest.raises(ClientException) as caught:
        await client.get_token_vault_async(models.GetTokenVaultRequest(**name))
    assert caught.value.code == "EntityNotExists.TokenVault"


def test_state_outlives_a_restart(tmp_path):
    with running_cloud(tmp_path) as running:
        create_identity_provider(Client(config(running)), "lasting")
    with running_cloud(tmp_path) as running:
        get = models.GetIdentityProviderRequest(identity_provider_name="lasting")
        provider = Client(config(running)).get_identity_provider(get).body.identity_provider
        assert provider.allowed_audience == ["a", "b"]
