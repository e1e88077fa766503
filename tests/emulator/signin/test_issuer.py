"""One more issuer beside the account's, made from parts: nothing of one is worth anything at the other."""

from dataclasses import dataclass, replace

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.testclient import TestClient

from fujie_emulator.agentidentitydata.sessions import LIFETIME_S as CONSENT_S
from fujie_emulator.core.account import DemoUser
from fujie_emulator.signin import state
from fujie_emulator.signin.account import account_issuer, code_lifetime_s
from fujie_emulator.signin.issuer import Addresses, Issuer
from fujie_emulator.signin.routes import http_routes, issuer_routes
from tests.emulator.signin.conftest import Attempt
from tests.security.oauth_urls import lookalikes

POOL = Addresses(
    issuer="/up_1",
    authorize="/up_1/oauth2/authorize",
    token="/up_1/oauth2/token",
    revoke="/up_1/oauth2/revoke",
    userinfo="/up_1/oauth2/userinfo",
    keys="/up_1/oauth2/jwks",
)
CAROL = DemoUser("user_carol", "carol")


@dataclass(frozen=True)
class OneClient:
    app: object

    def find(self, client_id):
        return self.app if client_id == self.app.app_id else None

    def holds_secret(self, client_id, unverified):
        return False


class OnePerson:
    def all(self):
        return [CAROL]

    def hinted(self, hint):
        return CAROL if hint == "carol" else None

    def claims(self, user, scopes):
        return {"sub": user.user_id, "session_id": "s-1"}


@pytest.fixture
def pool(cloud, apps):
    app = replace(apps.web, app_id="client_1")
    return Issuer(cloud, POOL, OneClient(app), OnePerson(), lambda _: 60.0, realm="up_1")


@pytest.fixture
def browser(cloud, pool):
    app = Starlette(routes=[*http_routes(cloud), *issuer_routes(pool, POOL)])
    with TestClient(app, base_url=cloud.base_url, follow_redirects=False) as client:
        yield client


class PoolAttempt(Attempt):
    def page(self, browser):
        return browser.get(POOL.authorize, params=self.query)

    def redeem(self, browser, code, *, at=POOL.token, **changes):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.app.app_id,
            "redirect_uri": self.query["redirect_uri"],
            "code_verifier": self.verifier,
        }
        return browser.post(at, data=form | changes)


def test_its_people_sign_in_with_its_claims_under_its_key(browser, pool, cloud):
    answer = PoolAttempt(pool.clients.app).tokens(browser, "carol")
    metadata = browser.get("/up_1/.well-known/openid-configuration").json()
    assert metadata["issuer"] == f"{cloud.base_url}/up_1"
    keys = KeySet.import_key_set(browser.get(metadata["jwks_uri"]).json())
    claims = jwt.decode(answer["id_token"], keys, ["RS256"]).claims
    assert (claims["sub"], claims["session_id"], claims["iss"]) == (CAROL.user_id, "s-1", metadata["issuer"])
    theirs = {key["kid"] for key in browser.get("/oauth/v1/keys").json()["keys"]}
    assert not theirs & {key["kid"] for key in browser.get(POOL.keys).json()["keys"]}
    bearer = {"authorization": f"Bearer {answer['access_token']}"}
    assert browser.get(metadata["userinfo_endpoint"], headers=bearer).json()["sub"] == CAROL.user_id


def test_what_one_issued_the_other_does_not_know(browser, pool, cloud, apps):
    code = PoolAttempt(pool.clients.app).returned(browser, user="carol")["code"]
    mine = Attempt(apps.web)
    assert mine.redeem(browser, code).json()["error"] == "invalid_grant"
    tokens = PoolAttempt(pool.clients.app).tokens(browser, "carol")
    assert state.introspect(cloud, tokens["access_token"]) is None
    assert state.active_token(pool, tokens["access_token"]).name == "carol"
    assert (
        browser.get("/oauth/v1/userinfo", headers={"authorization": f"Bearer {tokens['access_token']}"}).status_code
        == 401
    )
    account = mine.tokens(browser)
    assert state.active_token(pool, account["access_token"]) is None
    assert PoolAttempt(pool.clients.app).page(browser).text.count("carol") > 0
    assert "alice" not in PoolAttempt(pool.clients.app).page(browser).text


def test_a_person_remembered_here_is_not_signed_in_there(browser, pool, apps):
    PoolAttempt(pool.clients.app).tokens(browser, "carol")
    attempt = Attempt(apps.web, prompt="none")
    assert "login_required" in attempt.page(browser).headers["location"]
    again = PoolAttempt(pool.clients.app, prompt="none")
    assert "code=" in again.page(browser).headers["location"]


@pytest.mark.parametrize("host", ["oauth.aliyun.com", "signin.aliyun.com", "oauth.alibabacloud.com"])
def test_the_account_also_answers_under_the_names_that_clients_write(browser, apps, host):
    headers = {"host": host}
    assert (
        browser.get("/.well-known/openid-configuration", headers=headers).json()["jwks_uri"].endswith("/oauth/v1/keys")
    )
    assert browser.get("/v1/keys", headers=headers).json() == browser.get("/oauth/v1/keys").json()
    page = browser.get("/oauth2/v1/auth", params=Attempt(apps.web).query, headers=headers)
    assert 'action="/oauth2/v1/auth"' in page.text


def test_a_code_that_waits_at_the_data_plane_lives_as_long_as_a_consent_session(cloud):
    for url in (
        f"{cloud.base_url}/oauth2/callback/a",
        "https://agentidentitydata.cn-beijing.aliyuncs.com/oauth2/callback/b",
    ):
        assert code_lifetime_s(cloud, url) == CONSENT_S
        for other in lookalikes(url):
            assert code_lifetime_s(cloud, other) == 60, other
    assert account_issuer(cloud).code_lifetime_s("http://localhost:8090/auth/callback") == 60
