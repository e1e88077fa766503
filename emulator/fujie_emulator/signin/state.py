"""Rules of the sign-in service: who is signed in, what a token says, what a client may redeem."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.account import DemoUser
from fujie_emulator.core.errors import CloudError
from fujie_emulator.ims import state as ims
from fujie_emulator.ims.state import Application
from fujie_emulator.signin import grants, keys
from fujie_emulator.signin.errors import OAuthError, invalid_client, invalid_request
from fujie_emulator.signin.grants import Grant, IssuedTokens
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


def issuer(cloud: "Cloud") -> str:
    """Return the issuer, which discovery hangs under."""
    return f"{cloud.base_url}/oauth"


def introspect(cloud: "Cloud", token: str) -> ActiveToken | None:
    """Return what an access token says, None when it is unknown, expired, revoked or its client is gone."""
    found = grants.access_grant(cloud, token)
    if found is None:
        return None
    grant, expires_at = found
    user = user_by_id(cloud, grant.user_id)
    if user is None or cloud.store.get(ims.SERVICE, "application", grant.client_id) is None:
        return None
    return ActiveToken(grant.client_id, user.user_id, user.name, grant.scopes, expires_at)


def user_by_id(cloud: "Cloud", user_id: str) -> DemoUser | None:
    """Return the user of that id."""
    return next((user for user in cloud.users if user.user_id == user_id), None)


def hinted_user(cloud: "Cloud", hint: str) -> DemoUser | None:
    """Return the user a login_hint means: a name, an id, or NAME@ACCOUNT.onaliyun.com."""
    name = hint.removesuffix(f"@{cloud.account_id}.onaliyun.com")
    return cloud.account.user(name) or user_by_id(cloud, hint)


def begin_login(cloud: "Cloud", user: DemoUser) -> str:
    """Remember who chose to sign in and return the cookie's value; the store keeps its digest."""
    value = secrets.token_urlsafe(32)
    doc = {"user_id": user.user_id, "expires_at": cloud.clock.time() + LOGIN_S}
    with cloud.store.transaction():
        for key, old in cloud.store.list(SERVICE, "login"):
            if old["expires_at"] <= cloud.clock.time():
                cloud.store.delete(SERVICE, "login", key)
        cloud.store.put(SERVICE, "login", _digest(value), doc)
    return value


def logged_in(cloud: "Cloud", cookie: str) -> DemoUser | None:
    """Return whom the login cookie remembers."""
    doc = cloud.store.get(SERVICE, "login", _digest(cookie)) if cookie else None
    if doc is None or doc["expires_at"] <= cloud.clock.time():
        return None
    return user_by_id(cloud, doc["user_id"])


def authenticated_client(cloud: "Cloud", client_id: str, client_secret: str) -> Application:
    """Return the client; a secret is needed when the application says so, and has to be right when given."""
    try:
        app = ims.application(cloud, client_id)
    except CloudError as error:
        raise invalid_client() from error
    if (client_secret or app.secret_required) and not ims.secret_matches(cloud, app.app_id, client_secret):
        raise invalid_client()
    return app


def token_answer(cloud: "Cloud", app: Application, form: dict[str, str]) -> dict[str, Any]:
    """Return the token endpoint's answer to a grant; else raise OAuthError."""
    kind = form.get("grant_type", "")
    if app.app_type == "ServerApp" or kind not in ("authorization_code", "refresh_token"):
        raise OAuthError(
            "unsupported_grant_type", "Use authorization_code or refresh_token with a WebApp or NativeApp."
        )
    if kind == "refresh_token":
        scopes = tuple(form.get("scope", "").split())
        issued = grants.refresh(cloud, app, refresh_token=_needed(form, "refresh_token"), scopes=scopes)
        return _answer(cloud, issued)
    issued = grants.redeem_code(
        cloud,
        app,
        code=_needed(form, "code"),
        redirect_uri=_needed(form, "redirect_uri"),
        verifier=form.get("code_verifier", ""),
    )
    return _answer(cloud, issued)


def person_claims(cloud: "Cloud", user: DemoUser, scopes: tuple[str, ...]) -> dict[str, Any]:
    """Return what the scopes let a client know of a person."""
    claims: dict[str, Any] = {"sub": user.user_id}
    if "profile" in scopes:
        upn = f"{user.name}@{cloud.account_id}.onaliyun.com"
        claims |= {"name": user.name, "login_name": user.name, "upn": upn}
    if "aliuid" in scopes:
        claims |= {"aid": cloud.account_id, "uid": user.user_id}
    return claims


def discovery(cloud: "Cloud") -> dict[str, Any]:
    """Return the metadata document; S256 is the only challenge method we take."""
    at = issuer(cloud)
    return {
        "issuer": at,
        "authorization_endpoint": f"{cloud.base_url}/signin/oauth2/v1/auth",
        "token_endpoint": f"{at}/v1/token",
        "jwks_uri": f"{at}/v1/keys",
        "userinfo_endpoint": f"{at}/v1/userinfo",
        "revocation_endpoint": f"{at}/v1/revoke",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [keys.ALGORITHM],
        "scopes_supported": list(ims.IDENTITY_SCOPES),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def _answer(cloud: "Cloud", issued: IssuedTokens) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in_s,
        "scope": " ".join(issued.grant.scopes),
    }
    if issued.refresh_token:
        answer["refresh_token"] = issued.refresh_token
    if "openid" in issued.grant.scopes:
        answer["id_token"] = _id_token(cloud, issued.grant)
    return answer


def _id_token(cloud: "Cloud", grant: Grant) -> str:
    user = user_by_id(cloud, grant.user_id)
    assert user is not None  # the account's users are fixed
    now = int(cloud.clock.time())
    claims = {
        "iss": issuer(cloud),
        "aud": grant.client_id,
        "iat": now,
        "exp": now + ID_TOKEN_S,
        "jti": str(uuid.uuid4()),
    }
    nonce = {"nonce": grant.nonce} if grant.nonce else {}
    return keys.sign(cloud, claims | nonce | person_claims(cloud, user, grant.scopes))


def _needed(form: dict[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise invalid_request(f"{name} is required.")
    return value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
