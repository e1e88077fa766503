"""Tokens: what they say, how long they live, and that each code and refresh token is good once."""

import base64

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from fujie_emulator.ims import state as ims
from fujie_emulator.signin import keys
from fujie_emulator.signin.account import account_issuer
from fujie_emulator.signin.state import introspect
from tests.emulator.signin.conftest import Attempt


def claims_of(browser, id_token):
    keyset = KeySet.import_key_set(browser.get("/oauth/v1/keys").json())
    return jwt.decode(id_token, keyset, algorithms=["RS256"])


def error_of(answer):
    return answer.status_code, answer.json()["error"]


def test_an_id_token_says_who_signed_in_to_what_for_an_hour(browser, cloud, apps):
    token = claims_of(browser, Attempt(apps.web, nonce="n-1").tokens(browser)["id_token"])
    user_id = cloud.account.user("alice").user_id
    assert token.header["alg"] == "RS256"
    assert token.header["kid"]
    claims = token.claims
    assert claims.pop("exp") - claims.pop("iat") == 3600
    assert claims.pop("jti")
    assert claims == {
        "iss": f"{cloud.base_url}/oauth",
        "aud": apps.web.app_id,
        "sub": user_id,
        "nonce": "n-1",
        "name": "alice",
        "login_name": "alice",
        "upn": f"alice@{cloud.account_id}.onaliyun.com",
        "aid": cloud.account_id,
        "uid": user_id,
    }


def test_scopes_decide_what_an_id_token_says(browser, apps):
    claims = claims_of(browser, Attempt(apps.web, scope="openid").tokens(browser)["id_token"]).claims
    assert set(claims) == {"iss", "aud", "sub", "iat", "exp", "jti"}
    assert "id_token" not in Attempt(apps.web, scope="profile").tokens(browser)


def test_discovery_names_addresses_that_answer(browser, cloud):
    metadata = browser.get("/oauth/.well-known/openid-configuration").json()
    assert metadata["issuer"] == f"{cloud.base_url}/oauth"
    assert browser.get(metadata["jwks_uri"]).status_code == 200
    assert browser.get(metadata["authorization_endpoint"]).status_code == 400
    for endpoint in ("token_endpoint", "revocation_endpoint"):
        assert browser.post(metadata[endpoint], data={"client_id": "absent"}).status_code == 401
    assert browser.get(metadata["userinfo_endpoint"]).status_code == 401
    assert metadata["code_challenge_methods_supported"] == ["S256"]


def test_published_keys_are_public_and_rotation_keeps_the_last_one(browser, cloud, apps):
    before = Attempt(apps.web).tokens(browser)["id_token"]
    kid = keys.rotate(account_issuer(cloud))
    published = browser.get("/oauth/v1/keys").json()["keys"]
    assert [key["kid"] for key in published][-1] == kid
    assert not {"d", "p", "q", "dp", "dq", "qi"} & {name for key in published for name in key}
    after = Attempt(apps.web).tokens(browser)["id_token"]
    assert claims_of(browser, after).header["kid"] == kid
    assert claims_of(browser, before).header["kid"] != kid
    keys.rotate(account_issuer(cloud))
    assert len(browser.get("/oauth/v1/keys").json()["keys"]) == 2


def test_a_code_is_good_once_and_its_second_use_revokes_what_it_led_to(browser, cloud, apps):
    attempt = Attempt(apps.web)
    code = attempt.returned(browser, user="alice")["code"]
    tokens = attempt.redeem(browser, code).json()
    assert introspect(cloud, tokens["access_token"]).name == "alice"
    assert error_of(attempt.redeem(browser, code)) == (400, "invalid_grant")
    assert introspect(cloud, tokens["access_token"]) is None
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": apps.web.app_id}
    assert error_of(browser.post("/oauth/v1/token", data=form)) == (400, "invalid_grant")


def test_keys_are_rotated_through_the_admin_route(browser, cloud, apps):
    before = Attempt(apps.web).tokens(browser)["id_token"]
    kid = browser.post("/_fujie/signin/keys").json()["kid"]
    assert browser.get("/oauth/v1/keys").json()["keys"][-1]["kid"] == kid
    assert claims_of(browser, Attempt(apps.web).tokens(browser)["id_token"]).header["kid"] == kid
    assert claims_of(browser, before).claims["sub"] == cloud.account.user("alice").user_id
    assert browser.get("/_fujie/signin/keys").status_code == 405


def test_a_code_lives_for_a_minute(browser, cloud, apps):
    attempt = Attempt(apps.web)
    code = attempt.returned(browser, user="alice")["code"]
    cloud.clock.advance(60)
    assert error_of(attempt.redeem(browser, code)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "x" * 64}, (400, "invalid_grant")),
        ({"code_verifier": None}, (400, "invalid_grant")),
        ({"redirect_uri": "https://chat.example/cb?keep=1"}, (400, "invalid_grant")),
        ({"redirect_uri": None}, (400, "invalid_request")),
        ({"code": None}, (400, "invalid_request")),
        ({"code": "unknown"}, (400, "invalid_grant")),
        ({"grant_type": None}, (400, "invalid_request")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": "client_credentials"}, (400, "unsupported_grant_type")),
        ({"client_id": "4000000000000000000"}, (401, "invalid_client")),
        ({"client_id": None}, (401, "invalid_client")),
        ({"client_secret": "guessed"}, (401, "invalid_client")),
    ],
)
def test_a_redemption_that_does_not_fit_is_refused(browser, apps, changes, error):
    attempt = Attempt(apps.web)
    code = attempt.returned(browser, user="alice")["code"]
    assert error_of(attempt.redeem(browser, changes.pop("code", code), **changes)) == error


def test_another_client_cannot_redeem_a_code_and_does_not_spend_it(browser, apps):
    attempt = Attempt(apps.web)
    code = attempt.returned(browser, user="alice")["code"]
    assert error_of(attempt.redeem(browser, code, client_id=apps.old.app_id)) == (400, "invalid_grant")
    assert attempt.redeem(browser, code).status_code == 200


def test_a_confidential_client_proves_itself_in_either_way_but_not_in_both(browser, cloud, apps):
    secret = ims.create_secret(cloud, apps.confidential.app_id)["AppSecretValue"]
    basic = base64.b64encode(f"{apps.confidential.app_id}:{secret}".encode()).decode()
    attempt = Attempt(apps.confidential)

    def redeem(headers=None, **changes):
        code = attempt.returned(browser, user="alice")["code"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.query["redirect_uri"],
            "code_verifier": attempt.verifier,
        }
        return browser.post("/oauth/v1/token", data=form | changes, headers=headers)

    app_id = apps.confidential.app_id
    assert redeem(client_id=app_id, client_secret=secret).status_code == 200
    assert redeem({"authorization": f"Basic {basic}"}).status_code == 200
    assert error_of(redeem(client_id=app_id)) == (401, "invalid_client")
    assert error_of(redeem(client_id=app_id, client_secret="wrong")) == (401, "invalid_client")
    assert error_of(redeem({"authorization": f"Basic {basic}"}, client_secret=secret)) == (401, "invalid_client")
    assert error_of(redeem({"authorization": f"Basic {basic}"}, client_id=apps.web.app_id)) == (401, "invalid_client")
    assert error_of(redeem({"authorization": "Basic é=".encode()})) == (401, "invalid_client")


def refresh(browser, app, token, **changes):
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": app.app_id} | changes
    return browser.post("/oauth/v1/token", data=form)


def test_a_refresh_rotates_and_a_spent_refresh_token_ends_the_family(browser, cloud, apps):
    first = Attempt(apps.web, nonce="n").tokens(browser)
    second = refresh(browser, apps.web, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    claims = claims_of(browser, second["id_token"]).claims
    assert claims["sub"] == cloud.account.user("alice").user_id
    assert "nonce" not in claims
    assert error_of(refresh(browser, apps.web, first["refresh_token"])) == (400, "invalid_grant")
    assert introspect(cloud, second["access_token"]) is None
    assert error_of(refresh(browser, apps.web, second["refresh_token"])) == (400, "invalid_grant")


def test_a_refresh_narrows_and_never_widens(browser, cloud, apps):
    tokens = Attempt(apps.web, scope="openid profile").tokens(browser)
    narrowed = refresh(browser, apps.web, tokens["refresh_token"], scope="openid").json()
    assert introspect(cloud, narrowed["access_token"]).scopes == ("openid",)
    wide = refresh(browser, apps.web, narrowed["refresh_token"], scope="openid aliuid")
    assert error_of(wide) == (400, "invalid_scope")
    assert refresh(browser, apps.web, narrowed["refresh_token"]).status_code == 200
    spent = refresh(browser, apps.web, narrowed["refresh_token"], scope="openid aliuid")
    assert error_of(spent) == (400, "invalid_grant")


def test_a_refresh_token_is_its_clients_and_ends(browser, cloud, apps):
    token = Attempt(apps.web).tokens(browser)["refresh_token"]
    assert error_of(refresh(browser, apps.old, token)) == (400, "invalid_grant")
    cloud.clock.advance(7200)
    assert error_of(refresh(browser, apps.web, token)) == (400, "invalid_grant")


def test_who_acts_online_gets_no_refresh_token(browser, apps):
    assert "refresh_token" not in Attempt(apps.web, access_type="online").tokens(browser)
    assert "refresh_token" in Attempt(apps.web, access_type="offline").tokens(browser)


def test_an_access_token_is_introspected_until_it_ends(browser, cloud, apps):
    tokens = Attempt(apps.web).tokens(browser, "bob")
    active = introspect(cloud, tokens["access_token"])
    assert (active.client_id, active.name, active.scopes) == (apps.web.app_id, "bob", apps.web.scopes)
    assert introspect(cloud, tokens["refresh_token"]) is None
    assert introspect(cloud, tokens["id_token"]) is None
    assert introspect(cloud, "") is None
    cloud.clock.advance(3600)
    assert introspect(cloud, tokens["access_token"]) is None


def test_a_deleted_application_leaves_no_good_token(browser, cloud, apps):
    token = Attempt(apps.web).tokens(browser)["access_token"]
    ims.delete(cloud, apps.web.app_id)
    assert introspect(cloud, token) is None


def test_userinfo_tells_what_the_scopes_allow(browser, cloud, apps):
    token = Attempt(apps.web, scope="openid profile").tokens(browser)["access_token"]
    answer = browser.get("/oauth/v1/userinfo", headers={"authorization": f"Bearer {token}"}).json()
    assert answer["login_name"] == "alice"
    assert "uid" not in answer
    bad = browser.get("/oauth/v1/userinfo", headers={"authorization": "Bearer x"})
    assert error_of(bad) == (401, "invalid_token")
    assert bad.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    without = Attempt(apps.web, scope="profile").tokens(browser)
    assert "id_token" not in without
    lacking = browser.post("/oauth/v1/userinfo", headers={"authorization": f"Bearer {without['access_token']}"})
    assert error_of(lacking) == (403, "insufficient_scope")
    assert lacking.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'


def test_revoking_ends_a_token_of_the_same_client_only(browser, cloud, apps):
    tokens = Attempt(apps.web).tokens(browser)
    foreign = {"token": tokens["refresh_token"], "client_id": apps.old.app_id}
    assert browser.post("/oauth/v1/revoke", data=foreign).status_code == 200
    assert introspect(cloud, tokens["access_token"])
    assert error_of(browser.post("/oauth/v1/revoke", data={"client_id": apps.web.app_id})) == (400, "invalid_request")
    own = {"token": tokens["refresh_token"], "client_id": apps.web.app_id}
    assert browser.post("/oauth/v1/revoke", data=own).status_code == 200
    assert introspect(cloud, tokens["access_token"]) is None


def test_a_token_request_must_be_one_plain_form(browser, apps):
    assert error_of(browser.post("/oauth/v1/token", json={})) == (400, "invalid_request")
    kind = {"content-type": "application/x-www-form-urlencoded"}
    twice = browser.post("/oauth/v1/token", content="client_id=1&client_id=2", headers=kind)
    assert error_of(twice) == (400, "invalid_request")
    many = browser.post("/oauth/v1/token", content="&".join(f"a{n}=1" for n in range(99)), headers=kind)
    assert error_of(many) == (400, "invalid_request")


def test_nothing_that_opens_a_door_is_stored_in_the_clear(browser, cloud, apps):
    attempt = Attempt(apps.web)
    code = attempt.returned(browser, user="alice")["code"]
    tokens = attempt.redeem(browser, code).json()
    kept = " ".join(str(cloud.store.list("signin", kind)) for kind in ("code", "access", "refresh", "login", "request"))
    for secret in (code, tokens["access_token"], tokens["refresh_token"], browser.cookies["emulator_login"]):
        assert secret not in kept
