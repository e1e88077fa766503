"""Authlib, a foreign OAuth client: against the account's sign-in, and against a partner's authorization server."""

import secrets

import httpx2
import pytest
from alibabacloud_ims20190815 import models as ims_models
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

from fujie_emulator.testing import running as running_cloud
from tests.contract.identity_stack import clients, query_of, submit

HOME = "http://localhost:8090/auth/callback"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="module")
def application(running):
    """Return id and secret of a confidential web application."""
    ims = clients(running).ims
    request = ims_models.CreateApplicationRequest(
        app_name="authlib",
        display_name="authlib",
        app_type="WebApp",
        predefined_scopes="openid;profile",
        redirect_uris=HOME,
        protocol_version="2.1",
        secret_required=True,
    )
    app_id = ims.create_application(request).body.application.app_id
    secret = ims.create_app_secret(ims_models.CreateAppSecretRequest(app_id=app_id)).body.app_secret
    return app_id, secret.app_secret_value


@pytest.fixture(scope="module")
def partner(running):
    secret = secrets.token_urlsafe(16)
    wanted = {
        "scopes": {"books.read": "Read your books"},
        "client_id": "authlib",
        "client_secret": secret,
        "redirect_uris": [HOME],
        "resources": {"/books": {"scope": "books.read", "data": [{"title": "Shanhaijing"}]}},
        "display_name": "Library",
    }
    httpx2.put(f"{running.url}/_fujie/partners/library", json=wanted, headers=running.admin_headers).raise_for_status()
    return secret


def session(client_id, secret, metadata, **options):
    wanted = {"redirect_uri": HOME, "code_challenge_method": "S256", "token_endpoint": metadata["token_endpoint"]}
    session = OAuth2Session(client_id, secret, revocation_endpoint=metadata["revocation_endpoint"], **wanted | options)
    session.trust_env = False
    return session


def authorized(client, metadata, **choice):
    """Walk through authorization in a browser; return the redirect's URL, the state and the PKCE verifier."""
    verifier = secrets.token_urlsafe(48)
    url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
    with httpx2.Client(trust_env=False) as http:
        return submit(http, http.get(url), **choice).headers["location"], state, verifier


def fetched(client, metadata, **choice):
    location, state, verifier = authorized(client, metadata, **choice)
    return client.fetch_token(
        metadata["token_endpoint"], authorization_response=location, state=state, code_verifier=verifier
    )


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_person_signs_in_and_is_known_by_id_token_and_userinfo(running, application, method):
    metadata = httpx2.get(f"{running.url}/oauth/.well-known/openid-configuration").json()
    with session(*application, metadata, scope="openid profile", token_endpoint_auth_method=method) as client:
        token = fetched(client, metadata, user="alice")
        keys = KeySet.import_key_set(httpx2.get(metadata["jwks_uri"]).json())
        claims = jwt.decode(token["id_token"], keys, metadata["id_token_signing_alg_values_supported"]).claims
        assert (claims["iss"], claims["aud"]) == (metadata["issuer"], application[0])
        people = client.get(metadata["userinfo_endpoint"]).json()
        assert (people["sub"], people["login_name"]) == (claims["sub"], "alice")


def test_a_refresh_rotates_and_a_revocation_ends_it_all(running, application):
    metadata = httpx2.get(f"{running.url}/oauth/.well-known/openid-configuration").json()
    with session(*application, metadata, scope="openid") as client:
        first = fetched(client, metadata, user="bob")
        second = client.refresh_token(metadata["token_endpoint"], refresh_token=first["refresh_token"])
        assert second["refresh_token"] != first["refresh_token"]
        assert client.get(metadata["userinfo_endpoint"]).status_code == 200
        revoked = client.revoke_token(metadata["revocation_endpoint"], token=second["refresh_token"])
        assert revoked.status_code == 200
        assert client.get(metadata["userinfo_endpoint"]).status_code == 401
        with pytest.raises(OAuthError, match="invalid_grant"):
            client.refresh_token(metadata["token_endpoint"], refresh_token=second["refresh_token"])


def test_an_expired_token_is_renewed_before_it_is_sent(running, application):
    metadata = httpx2.get(f"{running.url}/oauth/.well-known/openid-configuration").json()
    renewed = []
    keep = {"update_token": lambda token, **_: renewed.append(token), "leeway": 4000}
    with session(*application, metadata, scope="openid", **keep) as client:
        fetched(client, metadata, user="alice")
        assert client.get(metadata["userinfo_endpoint"]).status_code == 200
    assert len(renewed) == 1


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"code_verifier": "w" * 48}, "invalid_grant"), ({"client_secret": "guessed"}, "invalid_client")],
)
def test_errors_come_as_oauth_says(running, application, wrong, error):
    metadata = httpx2.get(f"{running.url}/oauth/.well-known/openid-configuration").json()
    app_id, secret = application
    with session(app_id, wrong.get("client_secret", secret), metadata, scope="openid") as client:
        location, state, verifier = authorized(client, metadata, user="alice")
        with pytest.raises(OAuthError, match=error):
            client.fetch_token(
                metadata["token_endpoint"],
                authorization_response=location,
                state=state,
                code_verifier=wrong.get("code_verifier", verifier),
            )


def test_a_scope_that_the_application_lacks_comes_back_as_an_error(running, application):
    metadata = httpx2.get(f"{running.url}/oauth/.well-known/openid-configuration").json()
    with session(*application, metadata, scope="openid /acs/mcp-server") as client:
        url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier="v" * 48)
        location = httpx2.get(url).headers["location"]
        assert (query_of(location)["error"], query_of(location)["state"]) == ("invalid_scope", state)


def test_a_partner_grants_what_its_api_then_accepts(running, partner):
    metadata = httpx2.get(f"{running.url}/partners/library/.well-known/oauth-authorization-server").json()
    with session("authlib", partner, metadata, scope="books.read") as client:
        token = fetched(client, metadata, account="alice", decision="allow")
        assert token["scope"] == "books.read"
        books = f"{running.url}/partners/library/api/books"
        assert client.get(books).json() == [{"title": "Shanhaijing"}]
        old = token["refresh_token"]
        client.refresh_token(metadata["token_endpoint"], refresh_token=old)
        assert client.get(books).status_code == 200
        with pytest.raises(OAuthError, match="invalid_grant"):
            client.refresh_token(metadata["token_endpoint"], refresh_token=old)
        assert client.get(books).status_code == 401  # a refresh token that comes twice ends its family


def test_a_denial_reaches_the_client(running, partner):
    metadata = httpx2.get(f"{running.url}/partners/library/.well-known/oauth-authorization-server").json()
    with session("authlib", partner, metadata, scope="books.read") as client:
        location, state, _ = authorized(client, metadata, account="alice", decision="deny")
        assert (query_of(location)["error"], query_of(location)["state"]) == ("access_denied", state)
