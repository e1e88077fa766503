"""Codes, access tokens and refresh tokens: issued, redeemed once, rotated, revoked. Only digests are kept.

Everything that one consent led to is a family; a code or refresh token that comes back a second time ends it.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fujie_emulator.ims.state import Application
from fujie_emulator.signin.errors import OAuthError, invalid_grant
from fujie_emulator.signin.keys import SERVICE

if TYPE_CHECKING:
    from fujie_emulator.signin.issuer import Issuer
    from fujie_emulator.signin.requests import AuthorizeRequest

_USED_KEPT_S = 600  # how long a spent code is remembered, to notice that it comes back


@dataclass(frozen=True)
class Grant:
    """What a person granted a client."""

    client_id: str
    user_id: str
    scopes: tuple[str, ...]
    family: str
    nonce: str = ""
    offline: bool = True

    def as_doc(self, expires_at: float) -> dict[str, Any]:
        """Return the grant as the store keeps it beside a token's digest."""
        return {
            "client_id": self.client_id,
            "user_id": self.user_id,
            "scopes": list(self.scopes),
            "family": self.family,
            "nonce": self.nonce,
            "offline": self.offline,
            "expires_at": expires_at,
            "used": False,
        }


@dataclass(frozen=True)
class IssuedTokens:
    """A fresh pair; `refresh_token` is "" when the client does not act offline."""

    grant: Grant
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_s: int


def issue_code(issuer: "Issuer", request: "AuthorizeRequest", user_id: str) -> str:
    """Return a code for what the person granted; it is good for one redemption, as long as the issuer says."""
    code = secrets.token_urlsafe(32)
    family = secrets.token_hex(16)
    grant = Grant(request.client_id, user_id, request.scopes, family, request.nonce, request.offline)
    doc = grant.as_doc(issuer.cloud.clock.time() + issuer.code_lifetime_s(request.redirect_uri))
    doc |= {"redirect_uri": request.redirect_uri, "challenge": request.challenge}
    _forget_expired(issuer, "code", _USED_KEPT_S)
    issuer.cloud.store.put(SERVICE, issuer.kind("code"), _digest(code), doc)
    return code


def redeem_code(issuer: "Issuer", app: Application, *, code: str, redirect_uri: str, verifier: str) -> IssuedTokens:
    """Return tokens for a code, once; else raise invalid_grant."""
    doc = _spend(issuer, "code", code, app)
    if doc["redirect_uri"] != redirect_uri:
        raise invalid_grant("redirect_uri is not the one of the authorize request.")
    if not _verifier_fits(verifier, doc["challenge"]):
        raise invalid_grant("code_verifier does not fit the challenge.")
    return _issue(issuer, app, _grant(doc))


def refresh(issuer: "Issuer", app: Application, *, refresh_token: str, scopes: tuple[str, ...]) -> IssuedTokens:
    """Return a new pair and spend the old refresh token; `scopes` may narrow what was granted, () keeps it."""
    known = issuer.cloud.store.get(SERVICE, issuer.kind("refresh"), _digest(refresh_token))
    mine = known is not None and known["client_id"] == app.app_id and not known["used"]
    if known is not None and mine and not set(scopes) <= set(known["scopes"]):
        raise OAuthError("invalid_scope", "A scope goes beyond what was granted.")  # RFC 6749 6; nothing is spent
    grant = _grant(_spend(issuer, "refresh", refresh_token, app) | {"nonce": ""})
    return _issue(issuer, app, grant, scopes)


def access_grant(issuer: "Issuer", token: str) -> tuple[Grant, float] | None:
    """Return what an access token stands for and when it ends; None when it is not good."""
    doc = issuer.cloud.store.get(SERVICE, issuer.kind("access"), _digest(token))
    if doc is None or doc["expires_at"] <= issuer.cloud.clock.time():
        return None
    return _grant(doc), doc["expires_at"]


def revoke(issuer: "Issuer", app: Application, token: str) -> None:
    """End a token of this client; a refresh token takes its family with it. An unknown token is no error."""
    for kind in ("refresh", "access"):
        doc = issuer.cloud.store.get(SERVICE, issuer.kind(kind), _digest(token))
        if doc is None or doc["client_id"] != app.app_id:
            continue
        if kind == "refresh":
            _end_family(issuer, doc["family"])
        issuer.cloud.store.delete(SERVICE, issuer.kind(kind), _digest(token))


def _spend(issuer: "Issuer", kind: str, token: str, app: Application) -> dict[str, Any]:
    """Take a code or refresh token for good; when it was taken before, its whole family ends."""
    with issuer.cloud.store.transaction():
        doc = issuer.cloud.store.get(SERVICE, issuer.kind(kind), _digest(token))
        if doc is None or doc["client_id"] != app.app_id:
            raise invalid_grant(f"The {kind} is unknown.")
        was_used = doc["used"]
        if was_used:
            _end_family(issuer, doc["family"])
        issuer.cloud.store.put(SERVICE, issuer.kind(kind), _digest(token), doc | {"used": True})
    if was_used:
        raise invalid_grant(f"The {kind} was used before; everything it led to is revoked.")
    if doc["expires_at"] <= issuer.cloud.clock.time():
        raise invalid_grant(f"The {kind} is expired.")
    return doc


def _issue(issuer: "Issuer", app: Application, grant: Grant, scopes: tuple[str, ...] = ()) -> IssuedTokens:
    access, fresh = f"at.{secrets.token_urlsafe(32)}", f"rt.{secrets.token_urlsafe(32)}" if grant.offline else ""
    now = issuer.cloud.clock.time()
    narrowed = Grant(grant.client_id, grant.user_id, scopes or grant.scopes, grant.family, grant.nonce, grant.offline)
    with issuer.cloud.store.transaction():
        _forget_expired(issuer, "access", 0)
        _forget_expired(issuer, "refresh", 0)
        issuer.cloud.store.put(
            SERVICE, issuer.kind("access"), _digest(access), narrowed.as_doc(now + app.access_token_s)
        )
        if fresh:
            issuer.cloud.store.put(
                SERVICE, issuer.kind("refresh"), _digest(fresh), grant.as_doc(now + app.refresh_token_s)
            )
    return IssuedTokens(narrowed, access, fresh, app.access_token_s)


def _end_family(issuer: "Issuer", family: str) -> None:
    for kind in ("access", "refresh"):
        for key, doc in issuer.cloud.store.list(SERVICE, issuer.kind(kind)):
            if doc["family"] == family:
                issuer.cloud.store.delete(SERVICE, issuer.kind(kind), key)


def _forget_expired(issuer: "Issuer", kind: str, grace_s: float) -> None:
    oldest = issuer.cloud.clock.time() - grace_s
    for key, doc in issuer.cloud.store.list(SERVICE, issuer.kind(kind)):
        if doc["expires_at"] <= oldest:
            issuer.cloud.store.delete(SERVICE, issuer.kind(kind), key)


def _grant(doc: dict[str, Any]) -> Grant:
    return Grant(doc["client_id"], doc["user_id"], tuple(doc["scopes"]), doc["family"], doc["nonce"], doc["offline"])


def _verifier_fits(verifier: str, challenge: str) -> bool:
    if not challenge:
        return not verifier  # a verifier without a challenge means that somebody dropped the challenge
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).decode().rstrip("="), challenge)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
