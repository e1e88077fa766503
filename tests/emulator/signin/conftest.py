"""The sign-in service over HTTP in this process, and applications to sign in to."""

import secrets
from dataclasses import replace
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from fujie_emulator.ims import state as ims
from fujie_emulator.ims.state import Application
from fujie_emulator.signin.routes import http_routes
from tests.contract.identity_stack import query_of, s256, submit

AUTHORIZE = "/signin/oauth2/v1/auth"
WEB = Application(
    app_id="",
    app_name="chat",
    display_name="Chat <b>&",
    app_type="WebApp",
    protocol_version="2.1",
    secret_required=False,
    is_multi_tenant=False,
    redirect_uris=("http://localhost:8090/auth/callback", "https://chat.example/cb?keep=1"),
    scopes=("openid", "profile", "aliuid"),
    required_scopes=("openid",),
    access_token_s=3600,
    refresh_token_s=7200,
)


@pytest.fixture
def apps(cloud):
    """Return one application of each kind that matters."""
    native = replace(
        WEB,
        app_name="native",
        app_type="NativeApp",
        redirect_uris=("http://127.0.0.1:8090/cb",),
        scopes=(*WEB.scopes, "/acs/mcp-server"),
    )
    wanted = {
        "web": WEB,
        "native": native,
        "confidential": replace(WEB, app_name="confidential", secret_required=True),
        "old": replace(WEB, app_name="old", protocol_version="2.0"),
    }
    return SimpleNamespace(**{name: ims.create(cloud, app) for name, app in wanted.items()})


@pytest.fixture
def browser(cloud):
    """Return a browser that keeps cookies and stops at redirects."""
    with TestClient(Starlette(routes=http_routes(cloud)), base_url=cloud.base_url, follow_redirects=False) as client:
        yield client


class Attempt:
    """One authorize request of an application, with a PKCE pair of its own."""

    def __init__(self, app, **changes):
        self.app = app
        self.verifier = secrets.token_urlsafe(48)
        self.query = {
            "response_type": "code",
            "client_id": app.app_id,
            "redirect_uri": app.redirect_uris[0],
            "state": "state-1",
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
        } | changes
        self.query = {name: value for name, value in self.query.items() if value is not None}

    def page(self, browser):
        return browser.get(AUTHORIZE, params=self.query)

    def returned(self, browser, **choice):
        """Return what the application hears after the person's choice."""
        return query_of(submit(browser, self.page(browser), **choice).headers["location"])

    def redeem(self, browser, code, **changes):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.app.app_id,
            "redirect_uri": self.query["redirect_uri"],
            "code_verifier": self.verifier,
        } | changes
        form = {name: value for name, value in form.items() if value is not None}
        return browser.post("/oauth/v1/token", data=form)

    def tokens(self, browser, user="alice", **choice):
        code = self.returned(browser, user=user, **choice)["code"]
        return self.redeem(browser, code).raise_for_status().json()
