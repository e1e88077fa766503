"""A partner's authorization server: OAuth 2.1 with PKCE, rotation of refresh tokens, revocation."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fujie_emulator.partners.errors import OAuthError, insufficient_scope, unauthorized
from fujie_emulator.partners.state import SERVICE, Client, Partner, digest

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

PENDING_S = 600
"""How long a consent page may lie open."""
CODE_S = 600
"""RFC 6749 4.1.2 recommends at most ten minutes; the cloud redeems a code only after the agent has confirmed."""
ACCESS_S = 3600
REFRESH_S = 30 * 86400
_CHALLENGE = re.compile(r"[A-Za-z0-9_\-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


@dataclass(frozen=True)
class AuthorizationRequest:
    """What a client asks of the user, with client and redirect address already checked."""

    partner: str
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str
    login_hint: str


@dataclass(frozen=True)
class Grant:
    """What an access token stands for."""

    partner: str
    account: str
    scopes: tuple[str, ...]
    client_id: str
    audience: str


def issuer(cloud: "Cloud", found: Partner) -> str:
    """Return the issuer identifier of the partner's authorization server."""
    return f"{cloud.base_url}/partners/{found.name}"


def metadata(cloud: "Cloud", found: Partner) -> dict[str, Any]:
    """Return the authorization server metadata (RFC 8414)."""
    base = issuer(cloud, found)
    methods = ["client_secret_basic", "client_secret_post", "none"]
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "revocation_endpoint": f"{base}/revoke",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "scopes_supported": sorted(found.scopes),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "authorization_response_iss_parameter_supported": True,
    }


def redirect_target(cloud: "Cloud", found: Partner, params: Mapping[str, str]) -> str:
    """Return the redirect address when client and address fit together; else raise OAuthError, for a page.

    Nothing may be sent to an address that has not passed here (RFC 9700 4.1).
    """
    client_id, uri = params.get("client_id", ""), params.get("redirect_uri", "")
    if not client_id:
        raise OAuthError(400, "invalid_request", "client_id is missing.")
    client = _client(found, client_id)
    if not uri or not _may_redirect(cloud, found, client, uri):
        raise OAuthError(400, "invalid_request", "redirect_uri is not one that this client registered.")
    return uri


def authorization_request(
    cloud: "Cloud", found: Partner, params: Mapping[str, str], redirect_uri: str
) -> AuthorizationRequest:
    """Return the checked request; raise OAuthError, which goes back to the redirect address."""
    if params.get("response_type") != "code":
        raise OAuthError(400, "unsupported_response_type", "Only response_type=code is served.")
    challenge = params.get("code_challenge", "")
    if params.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise OAuthError(400, "invalid_request", "PKCE with code_challenge_method=S256 is required.")
    scopes = tuple(dict.fromkeys(params.get("scope", "").split()))
    unknown = [scope for scope in scopes if scope not in found.scopes]
    if unknown or not scopes:
        raise OAuthError(400, "invalid_scope", f"Ask for scopes among: {' '.join(sorted(found.scopes))}.")
    if params.get("resource", "") not in {"", issuer(cloud, found), f"{issuer(cloud, found)}/api"}:
        raise OAuthError(400, "invalid_target", "resource must be this partner's API.")  # RFC 8707 2
    return AuthorizationRequest(
        partner=found.name,
        client_id=params["client_id"],
        redirect_uri=redirect_uri,
        scopes=scopes,
        state=params.get("state", ""),
        challenge=challenge,
        login_hint=params.get("login_hint", ""),
    )


def keep_pending(cloud: "Cloud", request: AuthorizationRequest) -> str:
    """Keep the request while the user reads the page; return the single-use id that its form carries."""
    _forget_old(cloud, "pending", "code", "access", "refresh")
    return _issue(cloud, "pending", PENDING_S, dict(request.__dict__) | {"scopes": list(request.scopes)})


def take_pending(cloud: "Cloud", found: Partner, pending_id: str) -> AuthorizationRequest:
    """Return the request that the form answers, once; raise OAuthError when it is unknown, answered or too old."""
    doc = _take(cloud, "pending", pending_id)
    if doc is None or doc["partner"] != found.name:
        raise OAuthError(400, "invalid_request", "This page was answered already or is too old. Start again.")
    doc.pop("expires_at")
    return AuthorizationRequest(**{**doc, "scopes": tuple(doc["scopes"])})


def issue_code(cloud: "Cloud", request: AuthorizationRequest, account: str) -> str:
    """Return an authorization code for what the user allowed."""
    doc = dict(request.__dict__) | {"scopes": list(request.scopes), "account": account, "family": secrets.token_hex(8)}
    return _issue(cloud, "code", CODE_S, doc)


def answer_token_request(cloud: "Cloud", found: Partner, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    """Return the token response to a form of a client that has authenticated; raise OAuthError."""
    kind = form.get("grant_type", "")
    # No transaction around: what a refusal has used up or revoked must stay so.
    if kind == "authorization_code":
        doc = _redeemed_code(cloud, found, client, form)
    elif kind == "refresh_token":
        doc = _rotated_refresh(cloud, found, client, form)
    elif kind == "client_credentials":
        return _machine_token(cloud, found, client, form)
    else:
        raise OAuthError(400, "unsupported_grant_type", "Use authorization_code, refresh_token or client_credentials.")
    return _tokens(cloud, found, doc)


def authenticated_client(found: Partner, client_id: str, unverified_secret: str) -> Client:
    """Return the client; raise OAuthError 401 when it is unknown or its secret is wrong."""
    client = _client(found, client_id)
    if client.secret_sha256 and not client.holds(unverified_secret):
        raise OAuthError(
            401, "invalid_client", "The client secret is wrong.", {"www-authenticate": 'Basic realm="token"'}
        )
    return client


def revoke(cloud: "Cloud", found: Partner, client: Client, token: str) -> None:
    """Forget a token of this client and the others of the same consent; an unknown one is no error (RFC 7009 2.2)."""
    for kind in ("refresh", "access"):
        doc = cloud.store.get(SERVICE, kind, digest(token))
        if doc is not None and doc["partner"] == found.name and doc["client_id"] == client.client_id:
            _revoke_family(cloud, doc["family"])


def grant_of(cloud: "Cloud", found: Partner, unverified_token: str, scope: str) -> Grant:
    """Return what the token stands for; raise PartnerError 401 or, when it lacks `scope`, 403."""
    doc = cloud.store.get(SERVICE, "access", digest(unverified_token)) if unverified_token else None
    if doc is None or doc["partner"] != found.name:
        raise unauthorized("The access token is missing, unknown or revoked.")
    if doc["expires_at"] <= cloud.clock.time():
        raise unauthorized("The access token has expired.")
    if doc["audience"] != api_audience(found):
        raise unauthorized("The access token is meant for another API.")
    if scope and scope not in doc["scopes"]:
        raise insufficient_scope(scope)
    return Grant(found.name, doc["account"], tuple(doc["scopes"]), doc["client_id"], doc["audience"])


def api_audience(found: Partner) -> str:
    """Return what the partner's tokens are for: its API's path, as the port may change between two starts."""
    return f"/partners/{found.name}/api"


def _client(found: Partner, client_id: str) -> Client:
    if client_id in found.clients:
        return found.clients[client_id]
    if found.built_in and not found.clients and client_id:
        return Client(client_id, "", ())
    raise OAuthError(401, "invalid_client", "This client is not registered here.")


def _may_redirect(cloud: "Cloud", found: Partner, client: Client, uri: str) -> bool:
    if client.redirect_uris:
        return uri in client.redirect_uris
    prefix = f"{cloud.base_url}/oauth2/callback/"
    return found.built_in and uri.startswith(prefix) and re.fullmatch(r"[A-Za-z0-9\-]+", uri[len(prefix) :]) is not None


def _redeemed_code(cloud: "Cloud", found: Partner, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    used = cloud.store.get(SERVICE, "used_code", digest(form.get("code", "")))
    if used is not None:
        _revoke_family(cloud, used["family"])  # RFC 9700 4.5: a code seen twice was stolen once
    doc = _take(cloud, "code", form.get("code", ""))
    if doc is None or doc["partner"] != found.name or doc["client_id"] != client.client_id:
        raise OAuthError(400, "invalid_grant", "The code is unknown, used or expired.")
    keep_until = doc["expires_at"] + ACCESS_S
    cloud.store.put(SERVICE, "used_code", digest(form["code"]), {"family": doc["family"], "expires_at": keep_until})
    if form.get("redirect_uri") not in {None, doc["redirect_uri"]}:
        raise OAuthError(400, "invalid_grant", "redirect_uri differs from the authorization request's.")
    if not _proves(form.get("code_verifier", ""), doc["challenge"]):
        raise OAuthError(400, "invalid_grant", "code_verifier does not fit the challenge.")
    return doc


def _rotated_refresh(cloud: "Cloud", found: Partner, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    key = digest(form.get("refresh_token", ""))
    doc = cloud.store.get(SERVICE, "refresh", key)
    if doc is None or doc["partner"] != found.name or doc["client_id"] != client.client_id:
        raise OAuthError(400, "invalid_grant", "The refresh token is unknown or revoked.")
    if doc["used"]:
        _revoke_family(cloud, doc["family"])
        raise OAuthError(400, "invalid_grant", "The refresh token was used before; all its tokens are revoked.")
    if doc["expires_at"] <= cloud.clock.time():
        raise OAuthError(400, "invalid_grant", "The refresh token has expired.")
    cloud.store.put(SERVICE, "refresh", key, doc | {"used": True})
    asked = form.get("scope", "").split()
    if not set(asked) <= set(doc["scopes"]):
        raise OAuthError(400, "invalid_scope", "A refresh cannot widen the scopes.")
    return doc | ({"scopes": asked} if asked else {})


def _machine_token(cloud: "Cloud", found: Partner, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    """Return a token of the client itself (RFC 6749 4.4), which can prove who it is and gets no refresh token."""
    if not client.secret_sha256:
        raise OAuthError(400, "unauthorized_client", "Only a client with a secret has a token of its own.")
    asked = tuple(dict.fromkeys(form.get("scope", "").split()))
    if not asked or not set(asked) <= set(found.scopes):
        raise OAuthError(400, "invalid_scope", f"Ask for scopes among: {' '.join(sorted(found.scopes))}.")
    doc = {"partner": found.name, "client_id": client.client_id, "account": client.client_id, "scopes": list(asked)}
    doc |= {"family": secrets.token_hex(8), "audience": api_audience(found)}
    token = _issue(cloud, "access", ACCESS_S, doc)
    return {"access_token": token, "token_type": "Bearer", "expires_in": ACCESS_S, "scope": " ".join(asked)}


def _tokens(cloud: "Cloud", found: Partner, doc: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: doc[name] for name in ("partner", "client_id", "account", "scopes", "family")}
    kept["audience"] = api_audience(found)
    return {
        "access_token": _issue(cloud, "access", ACCESS_S, dict(kept)),
        "token_type": "Bearer",
        "expires_in": ACCESS_S,
        "refresh_token": _issue(cloud, "refresh", REFRESH_S, kept | {"used": False}),
        "scope": " ".join(doc["scopes"]),
    }


def _proves(verifier: str, challenge: str) -> bool:
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(made, challenge)


def _issue(cloud: "Cloud", kind: str, lifetime_s: int, doc: dict[str, Any]) -> str:
    """Store the document under the hash of a new random secret, and return the secret."""
    secret = secrets.token_urlsafe(32)
    cloud.store.put(SERVICE, kind, digest(secret), doc | {"expires_at": cloud.clock.time() + lifetime_s})
    return secret


def _take(cloud: "Cloud", kind: str, secret: str) -> dict[str, Any] | None:
    key = digest(secret)
    with cloud.store.transaction():
        doc = cloud.store.get(SERVICE, kind, key)
        cloud.store.delete(SERVICE, kind, key)
    return doc if doc is not None and doc["expires_at"] > cloud.clock.time() else None


def _revoke_family(cloud: "Cloud", family: str) -> None:
    for kind in ("access", "refresh"):
        for key, doc in cloud.store.list(SERVICE, kind):
            if doc["family"] == family:
                cloud.store.delete(SERVICE, kind, key)


def _forget_old(cloud: "Cloud", *kinds: str) -> None:
    for kind in (*kinds, "used_code"):
        for key, doc in cloud.store.list(SERVICE, kind):
            if doc["expires_at"] <= cloud.clock.time() - ACCESS_S:
                cloud.store.delete(SERVICE, kind, key)
