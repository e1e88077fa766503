"""Rules of the sign-in service: who is signed in, what a token says, what a client may redeem."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.account import DemoUser
from fujie_emulator.ims.state import IDENTITY_SCOPES, Application
from fujie_emulator.signin import grants, keys
from fujie_emulator.signin.account import account_issuer
from fujie_emulator.signin.errors import OAuthError, invalid_client, invalid_grant, invalid_request
from fujie_emulator.signin.grants import Grant, IssuedTokens
from fujie_emulator.signin.issuer import Issuer
from fujie_emulator.signin.keys import SERVICE

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

ID_TOKEN_S = 3600
LOGIN_S = 8 * 3600


@dataclass(frozen=True)
class ActiveToken:
    """What a good access token says: which client acts for whom, with which scopes, until when (epoch seconds)."""

    client_id: str
    user_id: str
    name: str
    scopes: tuple[str, ...]
    expires_at: float


def introspect(cloud: "Cloud", token: str) -> ActiveToken | None:
    """Return what an access token of the account's issuer says; None when it is not good."""
    return active_token(account_issuer(cloud), token)


def active_token(issuer: Issuer, token: str) -> ActiveToken | None:
    """Return what an access token says, None when it is unknown, expired, revoked or its client is gone."""
    found = grants.access_grant(issuer, token)
    if found is None:
        return None
    grant, expires_at = found
    user = issuer.user(grant.user_id)
    if user is None or issuer.clients.find(grant.client_id) is None:
        return None
    return ActiveToken(grant.client_id, user.user_id, user.name, grant.scopes, expires_at)


def begin_login(issuer: Issuer, user: DemoUser) -> str:
    """Remember who chose to sign in and return the cookie's value; the store keeps its digest."""
    value = secrets.token_urlsafe(32)
    doc = {"user_id": user.user_id, "expires_at": issuer.cloud.clock.time() + LOGIN_S}
    with issuer.cloud.store.transaction():
        for key, old in issuer.cloud.store.list(SERVICE, issuer.kind("login")):
            if old["expires_at"] <= issuer.cloud.clock.time():
                issuer.cloud.store.delete(SERVICE, issuer.kind("login"), key)
        issuer.cloud.store.put(SERVICE, issuer.kind("login"), _digest(value), doc)
    return value


def logged_in(issuer: Issuer, cookie: str) -> DemoUser | None:
    """Return whom the login cookie remembers."""
    doc = issuer.cloud.store.get(SERVICE, issuer.kind("login"), _digest(cookie)) if cookie else None
    if doc is None or doc["expires_at"] <= issuer.cloud.clock.time():
        return None
    return issuer.user(doc["user_id"])


def authenticated_client(issuer: Issuer, client_id: str, client_secret: str) -> Application:
    """Return the client; a secret is needed when the application says so, and has to be right when given."""
    app = issuer.clients.find(client_id)
    if app is None:
        raise invalid_client()
    if (client_secret or app.secret_required) and not issuer.clients.holds_secret(app.app_id, client_secret):
        raise invalid_client()
    return app


def token_answer(issuer: Issuer, app: Application, form: dict[str, str]) -> dict[str, Any]:
    """Return the token endpoint's answer to a grant; else raise OAuthError."""
    kind = _needed(form, "grant_type")
    if kind not in ("authorization_code", "refresh_token"):
        raise OAuthError("unsupported_grant_type", "Use authorization_code or refresh_token.")
    if app.app_type == "ServerApp":
        raise OAuthError("unauthorized_client", "A ServerApp acts for nobody; use a WebApp or NativeApp.")
    if kind == "refresh_token":
        scopes = tuple(form.get("scope", "").split())
        issued = grants.refresh(issuer, app, refresh_token=_needed(form, "refresh_token"), scopes=scopes)
        return _answer(issuer, issued)
    issued = grants.redeem_code(
        issuer,
        app,
        code=_needed(form, "code"),
        redirect_uri=_needed(form, "redirect_uri"),
        verifier=form.get("code_verifier", ""),
    )
    return _answer(issuer, issued)


def discovery(issuer: Issuer) -> dict[str, Any]:
    """Return the metadata document; S256 is the only challenge method we take."""
    at, addresses = issuer.cloud.base_url, issuer.addresses
    return {
        "issuer": issuer.url,
        "authorization_endpoint": at + addresses.authorize,
        "token_endpoint": at + addresses.token,
        "jwks_uri": at + addresses.keys,
        "userinfo_endpoint": at + addresses.userinfo,
        "revocation_endpoint": at + addresses.revoke,
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [keys.ALGORITHM],
        "scopes_supported": list(IDENTITY_SCOPES),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def _answer(issuer: Issuer, issued: IssuedTokens) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in_s,
        "scope": " ".join(issued.grant.scopes),
    }
    if issued.refresh_token:
        answer["refresh_token"] = issued.refresh_token
    if "openid" in issued.grant.scopes:
        answer["id_token"] = _id_token(issuer, issued.grant)
    return answer


def _id_token(issuer: Issuer, grant: Grant) -> str:
    user = issuer.user(grant.user_id)
    if user is None:
        raise invalid_grant("The person is not there any more.")
    now = int(issuer.cloud.clock.time())
    claims = {
        "iss": issuer.url,
        "aud": grant.client_id,
        "iat": now,
        "exp": now + ID_TOKEN_S,
        "jti": str(uuid.uuid4()),
    }
    nonce = {"nonce": grant.nonce} if grant.nonce else {}
    return keys.sign(issuer, claims | nonce | issuer.people.claims(user, grant.scopes))


def _needed(form: dict[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise invalid_request(f"{name} is required.")
    return value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
