"""Unverified id_tokens go in, VerifiedClaims come out.

Checked: signature (RS256, ES256), `typ`, `iss`, `aud`, `azp`, `sub`, `exp`, `nbf`, `iat`, and `nonce` where a sign-in
expects one. Knowingly left alone: `acr`, `amr`, `auth_time`, `at_hash` (we do not use the access token beside it).
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fujie import clock
from fujie.identity.errors import IdentityMisconfiguredError, TokenExpiredError, TokenInvalidError
from fujie.identity.issuer import Issuer, IssuerMetadata
from fujie.identity.rows import User
from fujie.secret import Secret

if TYPE_CHECKING:
    import httpx2

ALGORITHMS = ("RS256", "ES256")
MAX_TOKEN_LENGTH = 16 * 1024
MAX_SKEW_S = 60
"""By how much the issuer's clock may run ahead of ours (`iat`, `nbf`); an ended token gets no grace."""
MAX_NAME_LENGTH = 255


@dataclass(frozen=True)
class VerifiedClaims:
    """Who somebody is, as a token says whose every claim was checked."""

    issuer: str
    subject: str
    audience: tuple[str, ...]
    expires_at: datetime
    name: str

    def user(self, tenant: str) -> User:
        """Return the person within a tenant: `sub` is the id, the name is only for display."""
        return User(tenant, self.subject, self.name)


class IdTokenVerifier:
    """Verifies the id_tokens of one issuer for one audience."""

    def __init__(self, http: "httpx2.AsyncClient", issuer: str, audience: str, *, now: clock.Clock = clock.now) -> None:
        if not audience:
            raise IdentityMisconfiguredError(
                "no audience is configured for id_tokens", repair="set FUJIE_OIDC_CLIENT_ID to the application's id"
            )
        self._issuer = Issuer(http, issuer, now=now)
        self._audience = audience
        self._now = now

    async def issuer_metadata(self) -> IssuerMetadata:
        """Return the issuer's endpoints, from its discovery document; raises IssuerUnavailableError."""
        return await self._issuer.metadata()

    async def verify(self, unverified_token: Secret, *, nonce: str | None = None) -> VerifiedClaims:
        """Return the token's claims; raises TokenInvalidError, TokenExpiredError or IssuerUnavailableError.

        With `nonce`, the token must carry exactly that one.
        """
        claims = await self._signed_claims(unverified_token)
        metadata = await self._issuer.metadata()
        return check_claims(claims, metadata.issuer, self._audience, self._now(), nonce=nonce)

    async def _signed_claims(self, unverified_token: Secret) -> Mapping[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError

        header = unverified_header(unverified_token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS or not isinstance(kid, str | None):
            raise TokenInvalidError("the token is not signed with an algorithm that is accepted here")
        if str(header.get("typ", "JWT")).upper() != "JWT":
            raise TokenInvalidError("the token is not an id_token")
        key = await self._issuer.key(algorithm, kid)
        if key is None:
            raise TokenInvalidError("the token is signed with a key that the issuer does not list")
        try:
            return jwt.decode(unverified_token.reveal(), key, algorithms=[algorithm]).claims
        except (JoseError, ValueError):
            raise TokenInvalidError("the token's signature does not hold") from None


def unverified_header(unverified_token: Secret) -> Mapping[str, Any]:
    """Return a compact token's header, which nothing vouches for yet; raises TokenInvalidError."""
    return _unverified_part(unverified_token, 0)


def unverified_payload(unverified_token: Secret) -> Mapping[str, Any]:
    """Return a compact token's payload, which nothing vouches for yet; raises TokenInvalidError."""
    return _unverified_part(unverified_token, 1)


def check_claims(
    claims: Mapping[str, Any], issuer: str, audience: str, now: datetime, *, nonce: str | None = None
) -> VerifiedClaims:
    """Return the claims once each of them holds; the signature was checked before."""
    if claims.get("iss") != issuer:
        raise TokenInvalidError("the token was issued by another issuer")
    audiences = _audiences(claims, audience)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_NAME_LENGTH or not subject.isprintable():
        raise TokenInvalidError("the token names no subject")
    expires_at = check_times(claims, now)
    if nonce is not None and not _same(claims.get("nonce"), nonce):
        raise TokenInvalidError("the token answers another sign-in")
    return VerifiedClaims(issuer, subject, audiences, expires_at, _name(claims, subject))


def check_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Return when the token ends; raises TokenExpiredError, or TokenInvalidError when it has not begun."""
    moment = now.timestamp()
    expires, issued = _number(claims, "exp"), _number(claims, "iat")
    if expires <= moment:
        raise TokenExpiredError("the token has expired", repair="sign in again")
    if issued > moment + MAX_SKEW_S or _number(claims, "nbf", issued) > moment + MAX_SKEW_S:
        raise TokenInvalidError("the token is not valid yet")
    try:
        return datetime.fromtimestamp(expires, UTC)
    except (OverflowError, ValueError, OSError):
        raise TokenInvalidError("the token's exp is no moment in time") from None


def _audiences(claims: Mapping[str, Any], audience: str) -> tuple[str, ...]:
    listed = claims.get("aud")
    audiences = (listed,) if isinstance(listed, str) else tuple(listed) if isinstance(listed, list) else ()
    if audience not in audiences or not all(isinstance(item, str) for item in audiences):
        raise TokenInvalidError("the token is meant for another audience")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != audience:
        raise TokenInvalidError("the token was given to another party")
    return audiences


def _number(claims: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenInvalidError(f"the token has no usable {name}")
    return value


def _name(claims: Mapping[str, Any], subject: str) -> str:
    names = (claims.get(key) for key in ("name", "login_name", "upn"))
    return next((name for name in names if isinstance(name, str) and 0 < len(name) <= MAX_NAME_LENGTH), subject)


def _same(value: object, expected: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode(), expected.encode())


def _unverified_part(unverified_token: Secret, index: int) -> Mapping[str, Any]:
    import json
    from base64 import urlsafe_b64decode

    text = unverified_token.reveal()
    parts = text.split(".")
    if len(text) > MAX_TOKEN_LENGTH or len(parts) != 3 or not text.isascii():
        raise TokenInvalidError("the token is not a signed JWT")
    try:
        data = json.loads(urlsafe_b64decode(parts[index] + "=" * (-len(parts[index]) % 4)))
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise TokenInvalidError("the token is not a signed JWT") from None
    return data
