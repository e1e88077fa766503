"""The official IMS client, unmodified: OAuth applications."""

import pytest
from alibabacloud_ims20190815 import models
from alibabacloud_ims20190815.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException

from fujie_emulator.testing import running as running_cloud
from tests.contract.identity_stack import config

WANTED = {
    "app_type": "NativeApp",
    "display_name": "An application",
    "predefined_scopes": "aliuid;profile;openid;/acs/mcp-server",
    "required_scopes": "openid;/acs/mcp-server",
    "redirect_uris": "https://agent.example/oauth2/callback/u;http://127.0.0.1:8090/cb",
    "protocol_version": "2.1",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="module")
def client(running):
    return Client(config(running))


def create(client, name, **fields):
    request = models.CreateApplicationRequest(app_name=name, **(WANTED | fields))
    return client.create_application(request).body.application


def refused(code, action, *args, **kwargs):
    with pytest.raises(ClientException) as caught:
        action(*args, **kwargs)
    assert caught.value.code == code
    return caught.value


def test_an_application_is_created_and_read_with_every_field(running, client):
    created = create(client, "app-1")
    assert created.app_id.isdigit()
    assert (created.account_id, created.protocol_version, created.secret_required) == (running.account_id, "2.1", False)
    assert created.redirect_uris.redirect_uri == WANTED["redirect_uris"].split(";")
    assert (created.access_token_validity, created.refresh_token_validity) == (3600, 30 * 86400)
    scopes = created.delegated_scope.predefined_scopes.predefined_scope
    assert {scope.name: scope.required for scope in scopes} == {
        "aliuid": False,
        "profile": False,
        "openid": True,
        "/acs/mcp-server": True,
    }
    read = client.get_application(models.GetApplicationRequest(app_id=created.app_id)).body.application
    assert read.to_map() == created.to_map()
    listed = client.list_applications().body.applications.application
    assert created.app_id in [app.app_id for app in listed]


def test_an_update_changes_what_it_names_and_nothing_else(client):
    created = create(client, "app-2")
    request = models.UpdateApplicationRequest(app_id=created.app_id, new_redirect_uris="https://b.example/cb")
    changed = client.update_application(request).body.application
    assert changed.redirect_uris.redirect_uri == ["https://b.example/cb"]
    assert changed.delegated_scope.to_map() == created.delegated_scope.to_map()
    wrong = models.UpdateApplicationRequest(app_id=created.app_id, new_redirect_uris="http://b.example/cb")
    refused("InvalidParameter.RedirectUris", client.update_application, wrong)


def test_a_secret_is_shown_once_and_two_are_the_most(running, client):
    app_id = create(client, "app-3", app_type="WebApp").app_id
    request = models.CreateAppSecretRequest(app_id=app_id)
    secrets = [client.create_app_secret(request).body.app_secret for _ in range(2)]
    assert secrets[0].app_secret_value != secrets[1].app_secret_value
    refused("LimitExceeded.Application.AppSecret", client.create_app_secret, request)
    listed = client.list_app_secret_ids(models.ListAppSecretIdsRequest(app_id=app_id)).body.app_secrets.app_secret
    assert {secret.app_secret_id for secret in listed} == {secret.app_secret_id for secret in secrets}
    kept = str(running.cloud.store.list("ims", "secret"))
    assert not any(secret.app_secret_value in kept for secret in secrets)
    one = models.DeleteAppSecretRequest(app_id=app_id, app_secret_id=secrets[0].app_secret_id)
    client.delete_app_secret(one)
    refused("EntityNotExist.AppSecret", client.delete_app_secret, one)


@pytest.mark.parametrize(
    ("app_type", "version", "needed"),
    [("WebApp", "2.0", True), ("WebApp", "2.1", False), ("NativeApp", "2.0", False), ("ServerApp", "2.0", True)],
)
def test_who_needs_a_secret_when_nobody_says(client, app_type, version, needed):
    created = create(client, f"secret-{app_type}-{version}", app_type=app_type, protocol_version=version)
    assert created.secret_required is needed


def test_a_deleted_application_is_not_found(client):
    app_id = create(client, "app-4").app_id
    client.delete_application(models.DeleteApplicationRequest(app_id=app_id))
    gone = models.DeleteApplicationRequest(app_id=app_id)
    assert refused("EntityNotExist.Application", client.delete_application, gone).status_code == 404
    refused("EntityNotExist.Application", client.create_app_secret, models.CreateAppSecretRequest(app_id=app_id))


def test_a_name_in_use_conflicts(client):
    create(client, "app-5")
    assert refused("EntityAlreadyExists.Application", create, client, "app-5").status_code == 409


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"app_type": "SpaApp"}, "InvalidParameter.AppType"),
        ({"protocol_version": "3.0"}, "InvalidParameter.ProtocolVersion"),
        ({"redirect_uris": "http://agent.example/cb"}, "InvalidParameter.RedirectUris"),
        ({"redirect_uris": "https://agent.example/cb#part"}, "InvalidParameter.RedirectUris"),
        ({"redirect_uris": "javascript:alert(1)"}, "InvalidParameter.RedirectUris"),
        ({"redirect_uris": None}, "MissingParameter.RedirectUris"),
        ({"predefined_scopes": "openid;everything"}, "InvalidParameter.PredefinedScopes"),
        ({"predefined_scopes": "openid"}, "InvalidParameter.RequiredScopes"),
        ({"access_token_validity": 60}, "InvalidParameter.AccessTokenValidity"),
    ],
)
def test_an_application_that_could_not_work_is_refused(client, fields, code):
    refused(code, create, client, "refused", **fields)


OIDC = {
    "issuer_url": "https://idp.example/tenant",
    "client_ids": "123,a.b:c/d",
    "fingerprints": "902ef2deeb3c5b13ea4c3d5193629309e231ae55",
}


def create_provider(client, name, **fields):
    wanted = OIDC | {"issuer_url": f"https://idp.example/{name}"} | fields
    request = models.CreateOIDCProviderRequest(oidcprovider_name=name, **wanted)
    return client.create_oidcprovider(request).body.oidcprovider


def test_an_oidc_provider_is_created_read_changed_and_deleted(running, client):
    created = create_provider(client, "okta", description="d")
    assert created.arn == f"acs:ram::{running.account_id}:oidc-provider/okta"
    assert (created.client_ids, created.issuance_limit_time) == ("123,a.b:c/d", 12)
    assert int(created.gmt_create) > 10**12
    get = models.GetOIDCProviderRequest(oidcprovider_name="okta")
    assert client.get_oidcprovider(get).body.oidcprovider.to_map() == created.to_map()
    request = models.UpdateOIDCProviderRequest(oidcprovider_name="okta", client_ids="9", issuance_limit_time=168)
    changed = client.update_oidcprovider(request).body.oidcprovider
    assert (changed.client_ids, changed.issuance_limit_time, changed.description) == ("9", 168, "d")
    client.delete_oidcprovider(models.DeleteOIDCProviderRequest(oidcprovider_name="okta"))
    assert refused("EntityNotExist.OIDCProvider", client.get_oidcprovider, get).status_code == 404
    gone = models.DeleteOIDCProviderRequest(oidcprovider_name="okta")
    refused("EntityNotExist.OIDCProvider", client.delete_oidcprovider, gone)


def test_fingerprints_and_client_ids_come_and_go_one_by_one(client):
    create_provider(client, "rotating")
    add = models.AddFingerprintToOIDCProviderRequest(oidcprovider_name="rotating", fingerprint="bb")
    assert client.add_fingerprint_to_oidcprovider(add).body.oidcprovider.fingerprints.endswith(",bb")
    refused("EntityAlreadyExists.OIDCProvider.Fingerprint", client.add_fingerprint_to_oidcprovider, add)
    remove = models.RemoveFingerprintFromOIDCProviderRequest
    old = remove(oidcprovider_name="rotating", fingerprint=OIDC["fingerprints"])
    assert client.remove_fingerprint_from_oidcprovider(old).body.oidcprovider.fingerprints == "bb"
    refused("EntityNotExist.OIDCProvider.Fingerprint", client.remove_fingerprint_from_oidcprovider, old)
    last = remove(oidcprovider_name="rotating", fingerprint="bb")
    refused("MissingParameter.Fingerprints", client.remove_fingerprint_from_oidcprovider, last)
    more = models.AddClientIdToOIDCProviderRequest(oidcprovider_name="rotating", client_id="456")
    assert client.add_client_id_to_oidcprovider(more).body.oidcprovider.client_ids == "123,a.b:c/d,456"
    less = models.RemoveClientIdFromOIDCProviderRequest(oidcprovider_name="rotating", client_id="123")
    assert client.remove_client_id_from_oidcprovider(less).body.oidcprovider.client_ids == "a.b:c/d,456"
    for number in range(4):
        request = models.AddFingerprintToOIDCProviderRequest(oidcprovider_name="rotating", fingerprint=f"f{number}")
        client.add_fingerprint_to_oidcprovider(request)
    sixth = models.AddFingerprintToOIDCProviderRequest(oidcprovider_name="rotating", fingerprint="f5")
    refused("LimitExceeded.OIDCProvider.Fingerprint", client.add_fingerprint_to_oidcprovider, sixth)


def test_oidc_providers_are_listed_in_pages(client):
    for name in ("page-1", "page-2", "page-3"):
        create_provider(client, name)
    seen, marker = [], None
    while True:
        body = client.list_oidcproviders(models.ListOIDCProvidersRequest(max_items=2, marker=marker)).body
        seen += [provider.oidcprovider_name for provider in body.oidcproviders.oidcprovider]
        marker = body.marker
        assert body.is_truncated is (marker is not None)
        if marker is None:
            break
    assert [name for name in seen if name.startswith("page-")] == ["page-1", "page-2", "page-3"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "-edge"}, "InvalidParameter.OIDCProviderName"),
        ({"name": "edge_"}, "InvalidParameter.OIDCProviderName"),
        ({"issuer_url": "http://idp.example"}, "InvalidParameter.IssuerUrl"),
        ({"issuer_url": "https://user@idp.example"}, "InvalidParameter.IssuerUrl"),
        ({"issuer_url": "https://idp.example/?a=b"}, "InvalidParameter.IssuerUrl"),
        ({"issuer_url": "https://idp.example/#f"}, "InvalidParameter.IssuerUrl"),
        ({"issuer_url": "https://"}, "InvalidParameter.IssuerUrl"),
        ({"issuer_url": "https://" + "i" * 255}, "InvalidParameter.IssuerUrl"),
        ({"fingerprints": None}, "MissingParameter.Fingerprints"),
        ({"fingerprints": "not:hex"}, "InvalidParameter.Fingerprints"),
        ({"client_ids": ".leading"}, "InvalidParameter.ClientIds"),
        ({"issuance_limit_time": 0}, "InvalidParameter.IssuanceLimitTime"),
        ({"issuance_limit_time": 169}, "InvalidParameter.IssuanceLimitTime"),
        ({"description": "x" * 257}, "InvalidParameter.Description"),
    ],
)
def test_an_oidc_provider_that_could_not_work_is_refused(client, fields, code):
    wanted = {"name": "refused"} | fields
    refused(code, create_provider, client, wanted.pop("name"), **wanted)


def test_two_oidc_providers_share_neither_name_nor_issuer(client):
    create_provider(client, "alone")
    refused("EntityAlreadyExists.OIDCProvider", create_provider, client, "alone", issuer_url="https://b.example")
    refused("EntityAlreadyExists.OIDCProvider", create_provider, client, "b", issuer_url="https://idp.example/alone")


def test_what_is_not_emulated_is_refused_by_name(client):
    request = models.GetAppSecretRequest(app_id="1", app_secret_id="2")
    assert "GetAppSecret" in refused("UnsupportedOperation", client.get_app_secret, request).message
