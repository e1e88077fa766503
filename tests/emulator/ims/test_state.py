"""Which applications may be, and which redirect addresses are theirs."""

import pytest

from fujie_emulator.core.errors import CloudError
from fujie_emulator.ims import state
from fujie_emulator.ims.state import Application
from tests.emulator.calling import NOBODY, call


def application(app_type="NativeApp", *uris):
    return Application(
        app_id="4",
        app_name="app",
        display_name="App",
        app_type=app_type,
        protocol_version="2.1",
        secret_required=False,
        is_multi_tenant=False,
        redirect_uris=uris,
        scopes=("openid",),
        required_scopes=(),
        access_token_s=3600,
        refresh_token_s=7200,
    )


@pytest.mark.parametrize(
    ("uri", "native", "web"),
    [
        ("http://127.0.0.1:8090/cb", True, True),
        ("http://127.0.0.1:1/cb", True, False),
        ("http://127.0.0.1/cb", True, False),
        ("http://127.0.0.1:8090/cb/", False, False),
        ("http://127.0.0.1:8090/cb?x=1", False, False),
        ("http://127.0.0.1:8090/cb#x", False, False),
        ("https://127.0.0.1:8090/cb", False, False),
        ("http://localhost:8090/cb", False, False),
        ("http://u:p@127.0.0.1:8090/cb", False, False),
        ("http://[bad", False, False),
        ("", False, False),
    ],
)
def test_only_a_native_application_may_move_its_loopback_port(uri, native, web):
    assert application("NativeApp", "http://127.0.0.1:8090/cb").allows_redirect(uri) is native
    assert application("WebApp", "http://127.0.0.1:8090/cb").allows_redirect(uri) is web


def test_a_port_elsewhere_is_not_movable():
    assert not application("NativeApp", "https://a.example:1/cb").allows_redirect("https://a.example:2/cb")


@pytest.mark.parametrize(
    "uri",
    [
        "https://",
        "https://a b/",
        "https://a/\n",
        "ftp://a/",
        "https://a:port/",
        "https://u@a/",
        "https://" + "a" * 1025,
    ],
)
def test_a_malformed_redirect_address_is_refused(uri):
    with pytest.raises(CloudError) as caught:
        application("WebApp", uri).checked()
    assert caught.value.code == "InvalidParameter.RedirectUris"


def test_a_secret_matches_itself_only(cloud):
    app_id = state.create(cloud, application("WebApp", "https://a.example/cb")).app_id
    value = state.create_secret(cloud, app_id)["AppSecretValue"]
    assert state.secret_matches(cloud, app_id, value)
    assert not state.secret_matches(cloud, app_id, value + "x")
    assert not state.secret_matches(cloud, app_id, "")
    assert not state.secret_matches(cloud, "4", value)


@pytest.mark.parametrize("action", ["CreateApplication", "ListApplications", "DeleteApplication", "CreateAppSecret"])
async def test_who_has_no_permission_does_nothing(cloud, action):
    with pytest.raises(CloudError) as caught:
        await call(cloud, "ims", action, NOBODY, AppId="4", AppType="WebApp")
    assert caught.value.code == "NoPermission"
    assert caught.value.extra["AccessDeniedDetail"]["AuthAction"] == f"ram:{action}"
