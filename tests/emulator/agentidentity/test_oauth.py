"""A provider's config is checked when it is declared, and leads where it says."""

import pytest

from fujie_emulator.agentidentity.hosts import local_url
from fujie_emulator.agentidentity.oauth import checked_config, checked_url, server_of, with_kept_secret, without_secret
from fujie_emulator.core.errors import CloudError


def included(**fields):
    return {"IncludedOAuth2ProviderConfig": {"ClientId": "cid"} | fields}


def custom(discovery, **fields):
    return {"CustomOAuth2ProviderConfig": {"ClientId": "cid", "OAuth2Discovery": discovery} | fields}


def metadata(**fields):
    token = {"TokenRequest": {"Endpoint": "https://idp.example/token"}}
    return {"AuthorizationServerMetadata": token | fields}


@pytest.mark.parametrize(
    ("vendor", "authorize", "token", "issuer"),
    [
        ("AliyunOAuth2", "/signin/oauth2/v1/auth", "/oauth/v1/token", "/oauth"),
        ("AlibabaCloudOAuth2", "/signin/oauth2/v1/auth", "/oauth/v1/token", "/oauth"),
        ("DingTalkOAuth2", "/partners/dingtalk/authorize", "/partners/dingtalk/token", "/partners/dingtalk"),
    ],
)
def test_an_included_vendor_lives_on_the_clouds_own_port(cloud, vendor, authorize, token, issuer):
    server = server_of(cloud, vendor, checked_config(vendor, included()))
    assert (server.authorize_url, server.token_url) == (cloud.base_url + authorize, cloud.base_url + token)
    assert server.issuer == cloud.base_url + issuer
    assert server.pkce


def test_an_included_vendor_with_endpoints_of_its_own_is_elsewhere(cloud):
    fields = {"AuthorizationEndpoint": "https://a.example/a", "TokenEndpoint": "https://a.example/t"}
    server = server_of(cloud, "FeiShuOAuth2", checked_config("FeiShuOAuth2", included(**fields)))
    assert (server.authorize_url, server.token_url, server.issuer) == (*fields.values(), "")


@pytest.mark.parametrize(("pkce", "expected"), [(None, True), ({"Enabled": True}, True), ({"Enabled": False}, False)])
def test_pkce_is_on_unless_the_config_says_off(cloud, pkce, expected):
    fields = {"PKCE": pkce} if pkce else {}
    assert server_of(cloud, "CustomOAuth2", checked_config("CustomOAuth2", custom(metadata(**fields)))).pkce is expected


@pytest.mark.parametrize(
    "config",
    [
        {},
        included(),
        {**custom(metadata()), **included()},
        custom({}),
        custom("https://idp.example"),
        custom({"DiscoveryURL": "idp.example"}),
        custom({"DiscoveryURL": "https://idp.example", **metadata()}),
        custom({"AuthorizationServerMetadata": {}}),
        custom(metadata(TokenRequest={"Endpoint": "/token"})),
        custom(metadata(AuthorizationRequest={})),
        custom(metadata(AuthorizationRequest="https://idp.example")),
        custom(metadata(PKCE={"Enabled": "yes"})),
        custom(metadata(PKCE=True)),
        custom(metadata(Issuer=5)),
        custom(metadata(), ClientId=""),
        custom(metadata(), ClientSecret=5),
    ],
)
def test_a_config_that_could_not_work_is_refused(config):
    with pytest.raises(CloudError) as caught:
        checked_config("CustomOAuth2", config)
    assert caught.value.code.startswith("InvalidParameter.OAuth2ProviderConfig")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "ftp://a/",
        "https://",
        "https://a/#f",
        "https://u:p@a/",
        "https://a:x/",
        "https://a b",
        "https://a/\n",
        5,
    ],
)
def test_a_url_that_leads_nowhere_safe_is_refused(url):
    with pytest.raises(CloudError):
        checked_url("URL", url)


def test_an_answer_shows_no_secret_and_an_update_keeps_it():
    old = custom(metadata(), ClientSecret="csec")
    assert without_secret(old) == custom(metadata())
    assert with_kept_secret(custom(metadata()), old) == old
    assert with_kept_secret(custom(metadata(), ClientId="other"), old) == custom(metadata(), ClientId="other")
    assert with_kept_secret(custom(metadata(), ClientSecret="new"), old) == custom(metadata(), ClientSecret="new")


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("https://oauth.aliyun.com/.well-known/openid-configuration", "/oauth/.well-known/openid-configuration"),
        ("https://signin.aliyun.com/oauth2/v1/auth?a=b", "/signin/oauth2/v1/auth?a=b"),
        ("https://oauth.alibabacloud.com/v1/token", "/oauth/v1/token"),
    ],
)
def test_the_clouds_own_hosts_are_this_cloud(cloud, url, local):
    assert local_url(cloud, url) == cloud.base_url + local


@pytest.mark.parametrize(
    "url",
    [
        "http://oauth.aliyun.com/v1/keys",
        "https://oauth.aliyun.com:8443/v1/keys",
        "https://oauth.aliyun.com.evil.example/v1/keys",
        "https://oauth.aliyun.com@evil.example/v1/keys",
        "https://evil.example/https://oauth.aliyun.com/v1/keys",
        "",
    ],
)
def test_somebody_elses_host_is_not(cloud, url):
    assert local_url(cloud, url) == url


def test_a_custom_provider_may_name_the_clouds_own_hosts(cloud):
    config = custom({"DiscoveryURL": "https://oauth.aliyun.com/.well-known/openid-configuration"})
    server = server_of(cloud, "CustomOAuth2", checked_config("CustomOAuth2", config))
    assert server.discovery_url == f"{cloud.base_url}/oauth/.well-known/openid-configuration"


def test_a_machine_provider_needs_no_authorization_endpoint(cloud):
    only_token = included(TokenEndpoint="https://a.example/t")
    server = server_of(cloud, "DingTalkOAuth2", checked_config("DingTalkOAuth2", only_token, "M2M"))
    assert (server.authorize_url, server.token_url) == ("", "https://a.example/t")
    with pytest.raises(CloudError):
        checked_config("DingTalkOAuth2", only_token, "USER_FEDERATION")
