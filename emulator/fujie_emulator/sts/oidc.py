"""Who holds this OIDC token? Every check that a role's identity provider asks for.

The providers are those of IMS, which keeps them as documents of the kind `oidc_provider` under their names, in
the words of its wire: IssuerUrl, ClientIds (a list), IssuanceLimitTime (hours). Their keys are those that the
issuer publishes. The fingerprints of the issuer's certificate are not compared: locally there is no TLS.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

from fujie_emulator.agentidentitydata.upstream import fetch_document
from fujie_emulator.core.errors import CloudError, invalid_parameter
from fujie_emulator.sts.errors import provider_not_found, token_expired, token_refused

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

# Asymmetric only: with a published key as secret, an HS256 token could be forged by anyone.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
LONGEST_TOKEN = 20000  # characters
_ARN = re.compile(r"acs:ram::(?P<account>[0-9]{1,32}):oidc-provider/(?P<name>[A-Za-z0-9._-]{1,128})")
_CLOCK_SKEW_S = 60  # for iat and nbf, never for exp
_LIMIT_H = 12  # how old a token may be unless the provider says otherwise


@dataclass(frozen=True)
class VerifiedToken:
    """What a verified token says."""

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    issued_at: int
    expires_at: int

    def conditions(self) -> dict[str, str]:
        """Return the condition keys of a trust policy."""
        return {"oidc:iss": self.issuer, "oidc:sub": self.subject, "oidc:aud": self.audiences[0]}


def provider_of(cloud: "Cloud", arn: str) -> dict[str, Any]:
    """Return the identity provider an ARN of this account names; raise EntityNotExist.OIDCProvider."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise invalid_parameter("OIDCProviderArn", "acs:ram::{account}:oidc-provider/{name} is right.")
    mine = found["account"] == cloud.account_id
    provider = cloud.store.get("ims", "oidc_provider", found["name"]) if mine else None
    if provider is None:
        raise provider_not_found(found["name"])
    return provider


async def verified_token(cloud: "Cloud", provider: dict[str, Any], unverified: str) -> VerifiedToken:
    """Return what the token says; raise AuthenticationFail.OIDCToken.*.

    Checked: signature and key id against the issuer's published keys, algorithm, iss, aud, sub, exp, nbf, iat and
    the age that the provider allows. Left alone: nonce and azp, which are the sign-in's own checks.
    """
    if not 4 <= len(unverified) <= LONGEST_TOKEN or unverified.count(".") != 2:
        raise token_refused("it is not a signed JWT")
    claims = _signed_claims(unverified, await _published_keys(provider))
    now = int(cloud.clock.time())
    _check_claims(claims, provider, now)
    issued_at = int(claims["iat"])
    if now - issued_at > int(provider.get("IssuanceLimitTime") or _LIMIT_H) * 3600:
        raise token_expired("it was issued too long ago")
    accepted = [audience for audience in _listed(claims["aud"]) if audience in provider["ClientIds"]]
    if not accepted:
        raise token_refused("it is for none of the provider's clients")
    return VerifiedToken(claims["iss"], claims["sub"], tuple(accepted), issued_at, int(claims["exp"]))


async def _published_keys(provider: dict[str, Any]) -> KeySet:
    issuer = str(provider["IssuerUrl"])
    try:
        metadata = await fetch_document(issuer.rstrip("/") + "/.well-known/openid-configuration")
        document = await fetch_document(str(metadata.get("jwks_uri", "")))
        return KeySet.import_key_set({"keys": document["keys"]})
    except (CloudError, JoseError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise token_refused("the keys of its issuer cannot be had") from error


def _signed_claims(unverified: str, keys: KeySet) -> dict[str, Any]:
    def by_kid(obj: Any) -> Any:
        kid = obj.headers().get("kid")
        if not isinstance(kid, str) or not kid:
            raise token_refused("it names no key")
        return keys.get_by_kid(kid)

    try:
        return jwt.decode(unverified, by_kid, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError) as error:
        raise token_refused("its signature, key or algorithm is not its issuer's") from error


def _check_claims(claims: dict[str, Any], provider: dict[str, Any], now: int) -> None:
    registry = jwt.JWTClaimsRegistry(
        now=now,
        iss={"essential": True, "value": provider["IssuerUrl"]},
        aud={"essential": True, "values": list(provider["ClientIds"])},
        sub={"essential": True, "allow_blank": False},
        exp={"essential": True},
    )
    ahead = {name: value for name, value in claims.items() if name in ("iat", "nbf")}
    try:
        registry.validate({name: value for name, value in claims.items() if name not in ahead})
        jwt.JWTClaimsRegistry(now=now, leeway=_CLOCK_SKEW_S, iat={"essential": True}).validate(ahead)
    except ExpiredTokenError as error:
        raise token_expired("its time is over") from error
    except (JoseError, TypeError, ValueError) as error:
        raise token_refused(f"a claim is wrong or absent ({error})") from error


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
