"""The provider as the engine calls it, against the emulated cloud: one test body for every kind where one will do."""

import json

import pytest
from pulumi.dynamic import ConfigureRequest
from pulumi.dynamic.config import Config
from pulumi.dynamic.dynamic import serialize_provider

from fujie_emulator.agentidentity import state as identities
from fujie_emulator.agentidentity.entities import API_KEY_PROVIDER, DEFAULT_VAULT, WORKLOAD_IDENTITY
from fujie_emulator.ims import state as applications
from fujie_emulator.testing import running
from infra.providers.checks import UNKNOWN
from infra.providers.dynamic import KINDS, CloudResourceProvider
from infra.providers.errors import CloudRefusal

MARK = "Fujie stack test"
SECRET = "the-secret-of-the-provider"


def wanted(kind, cloud, name):
    """Return right properties for a kind."""
    callback = f"{cloud.url}/oauth2/callback/{name}"
    return {
        "TokenVault": {"name": name, "description": MARK},
        "WorkloadIdentity": {
            "name": name, "role_arn": f"acs:ram::{cloud.account_id}:role/r", "identity_provider": "",
            "return_urls": ["https://a.example/callback"], "description": MARK,
        },
        "IdentityProvider": {
            "name": name, "discovery_url": "https://i.example/.well-known/openid-configuration",
            "allowed_audience": ["app"], "description": MARK,
        },
        "APIKeyCredentialProvider": {
            "name": name, "token_vault": DEFAULT_VAULT, "api_key": SECRET, "description": MARK
        },
        "OAuth2CredentialProvider": {
            "name": name, "token_vault": DEFAULT_VAULT, "vendor": "CustomOAuth2", "oauth_type": "USER_FEDERATION",
            "callback_url": callback, "discovery_url": "https://o.example/.well-known/oauth-authorization-server",
            "client_id": "client", "client_secret": SECRET, "description": MARK,
        },
        "OAuthApplication": {
            "name": name, "app_type": "WebApp", "redirect_uris": ["https://a.example/cb"], "scopes": ["openid"]
        },
    }[kind]  # fmt: skip


CHANGES = {
    "TokenVault": {"description": f"{MARK}, changed"},
    "WorkloadIdentity": {"return_urls": ["https://b.example/callback"]},
    "IdentityProvider": {"allowed_audience": ["app", "other"]},
    "APIKeyCredentialProvider": {"description": f"{MARK}, changed"},
    "OAuth2CredentialProvider": {"client_id": "another-client"},
    "OAuthApplication": {"scopes": ["openid", "profile"]},
}
kinds = pytest.mark.parametrize("kind", sorted(KINDS))
marked = pytest.mark.parametrize("kind", sorted(name for name, kind in KINDS.items() if kind.marked))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def no_faults(cloud):
    yield
    cloud.cloud.faults.clear()


@pytest.fixture
def provider(cloud, monkeypatch):
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", cloud.access_key_id)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", cloud.access_key_secret)
    monkeypatch.setattr("infra.providers.clients.FIRST_WAIT_S", 0.001)

    def provider(kind, **config):
        made = CloudResourceProvider(kind)
        keys = {"region": cloud.region, "cloud_url": cloud.url, **config}
        made.configure(ConfigureRequest(Config({f"fujie:{key}": value for key, value in keys.items()}, "fujie")))
        return made

    return provider


@kinds
def test_a_life_create_read_update_delete(provider, cloud, kind):
    props = wanted(kind, cloud, f"life-{kind}")
    ours = provider(kind)
    made = ours.create(props)
    assert {name: made.outs[name] for name in props} == props
    assert all(made.outs[name] for name in KINDS[kind].outputs)
    read = ours.read(made.id, made.outs)
    assert read.outs == made.outs
    assert ours.diff(made.id, read.outs, props).changes is False
    changed = props | CHANGES[kind]
    diff = ours.diff(made.id, read.outs, changed)
    assert (diff.changes, diff.replaces) == (True, [])
    updated = ours.update(made.id, made.outs, changed)
    assert ours.read(made.id, updated.outs).outs == made.outs | changed
    ours.delete(made.id, updated.outs)
    assert ours.read(made.id, updated.outs).id == ""


@kinds
def test_another_name_is_made_before_the_old_one_goes(provider, cloud, kind):
    props = wanted(kind, cloud, "old")
    diff = provider(kind).diff("old", props, props | {"name": "new"})
    assert diff.replaces == ["name"]
    assert not diff.delete_before_replace


def test_what_cannot_change_under_its_name_goes_before_it_is_made_anew(provider, cloud):
    props = wanted("OAuth2CredentialProvider", cloud, "n")
    diff = provider("OAuth2CredentialProvider").diff("n", props, props | {"vendor": "DingTalkOAuth2"})
    assert (diff.replaces, diff.delete_before_replace) == (["vendor"], True)


def test_the_order_of_a_list_that_has_none_is_no_change(provider, cloud):
    props = wanted("OAuthApplication", cloud, "n") | {"scopes": ["openid", "profile"]}
    assert not provider("OAuthApplication").diff("n", props, props | {"scopes": ["profile", "openid"]}).changes


@kinds
def test_an_interrupted_create_is_found_again(provider, cloud, kind):
    props = wanted(kind, cloud, f"half-{kind}")
    first = provider(kind).create(props)
    again = provider(kind).create(props | CHANGES[kind] if kind == "OAuthApplication" else props)
    assert {name: again.outs[name] for name in KINDS[kind].outputs} == {
        name: first.outs[name] for name in KINDS[kind].outputs
    }


@marked
def test_what_another_made_is_not_taken_over_unless_it_is_named(provider, cloud, kind):
    theirs = wanted(kind, cloud, f"theirs-{kind}") | {"description": "made by hand"}
    ours = theirs | {"description": MARK}
    made = provider(kind).create(theirs)
    with pytest.raises(CloudRefusal, match=f"theirs-{kind}.*adopt"):
        provider(kind).create(ours)
    assert provider(kind).read(made.id, theirs).outs["description"] == "made by hand"
    adopted = provider(kind, adopt=json.dumps([made.id])).create(ours)
    assert provider(kind).read(adopted.id, ours).outs["description"] == MARK


@kinds
def test_what_went_away_meanwhile_is_made_again_by_an_update(provider, cloud, kind):
    props = wanted(kind, cloud, f"gone-{kind}")
    made = provider(kind).create(props)
    provider(kind).delete(made.id, props)
    provider(kind).update(made.id, made.outs, props)
    assert provider(kind).read(made.id, props).id == made.id
    provider(kind).delete(made.id, props)
    provider(kind).delete(made.id, props)  # gone is as wanted


@kinds
def test_a_busy_cloud_is_asked_again(provider, cloud, kind):
    service = "ims" if kind == "OAuthApplication" else "agentidentity"
    cloud.cloud.faults.arm({"service": service, "kind": "status", "status": 429, "count": 2})
    props = wanted(kind, cloud, f"busy-{kind}")
    assert provider(kind).create(props).id.endswith(f"busy-{kind}")


def test_a_changed_secret_reaches_the_vault(provider, cloud):
    props = wanted("APIKeyCredentialProvider", cloud, "rotated")
    ours = provider("APIKeyCredentialProvider")
    made = ours.create(props)
    ours.update(made.id, made.outs, props | {"api_key": "a-new-one"})
    assert identities.get(cloud.cloud, API_KEY_PROVIDER, "rotated")["APIKey"] == "a-new-one"


def test_session_binding_is_on(provider, cloud):
    provider("WorkloadIdentity").create(wanted("WorkloadIdentity", cloud, "bound"))
    assert identities.get(cloud.cloud, WORKLOAD_IDENTITY, "bound")["SessionBindingEnabled"] is True


def test_an_application_has_a_name_once(provider, cloud):
    props = wanted("OAuthApplication", cloud, "once")
    for _ in range(2):
        provider("OAuthApplication").create(props)
    assert [app.app_name for app in applications.applications(cloud.cloud)].count("once") == 1


@pytest.mark.parametrize(
    ("kind", "change", "problem"),
    [
        ("WorkloadIdentity", {"name": "not a name"}, "name"),
        ("WorkloadIdentity", {"name": "n" * 65}, "name"),
        ("WorkloadIdentity", {"return_urls": []}, "return_urls"),
        ("WorkloadIdentity", {"return_urls": ["http://a.example/"]}, "return_urls"),
        ("IdentityProvider", {"discovery_url": "ftp://i"}, "discovery_url"),
        ("IdentityProvider", {"allowed_audience": []}, "allowed_audience"),
        ("APIKeyCredentialProvider", {"api_key": ""}, "api_key"),
        ("OAuth2CredentialProvider", {"vendor": "Nobody"}, "vendor"),
        ("OAuth2CredentialProvider", {"discovery_url": ""}, "discovery_url"),
        ("OAuth2CredentialProvider", {"client_id": ""}, "client_id"),
        ("OAuthApplication", {"app_type": "Toaster"}, "app_type"),
        ("OAuthApplication", {"redirect_uris": ["https://a.example/#f"]}, "redirect_uris"),
        ("TokenVault", {"name": ""}, "name"),
    ],
)
def test_what_cannot_be_right_is_refused_before_anything_is_made(provider, cloud, kind, change, problem):
    props = wanted(kind, cloud, "checked")
    assert provider(kind).check({}, props).failures == []
    assert [failure.property for failure in provider(kind).check({}, props | change).failures] == [problem]


@kinds
def test_what_is_not_known_yet_is_not_refused(provider, cloud, kind):
    props = dict.fromkeys(wanted(kind, cloud, "later"), UNKNOWN)
    assert provider(kind).check({}, props).failures == []


def test_a_refusal_is_one_sentence_without_the_secret(provider, cloud):
    props = wanted("APIKeyCredentialProvider", cloud, "refused") | {"token_vault": "nowhere"}
    with pytest.raises(CloudRefusal) as refused:
        provider("APIKeyCredentialProvider").create(props)
    assert "nowhere/refused" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__


def test_without_a_key_it_says_which_variables_are_missing(provider, monkeypatch):
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID", raising=False)
    with pytest.raises(CloudRefusal, match="ALIBABA_CLOUD_ACCESS_KEY_ID"):
        CloudResourceProvider("TokenVault").configure(
            ConfigureRequest(Config({"fujie:region": "r", "fujie:cloud_url": "http://127.0.0.1:1"}, "fujie"))
        )


def test_the_state_holds_a_reference_to_the_provider_and_no_code():
    assert len(serialize_provider(CloudResourceProvider("OAuth2CredentialProvider"))) < 200
