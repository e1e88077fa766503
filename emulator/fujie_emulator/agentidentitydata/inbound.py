"""Is this really the user? Every check on a JWT of the identity provider a workload identity is bound to."""

from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

from fujie_emulator.agentidentity import state as control
from fujie_emulator.agentidentity.entities import IDENTITY_PROVIDER
from fujie_emulator.agentidentity.hosts import local_url
from fujie_emulator.agentidentitydata.errors import bad_user_token, discovery_unreachable
from fujie_emulator.agentidentitydata.upstream import fetch_document
from fujie_emulator.agentidentitydata.wat import LONGEST_TOKEN, UserContext

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

# Asymmetric only: with a published key as secret, an HS256 token could be forged by anyone.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
_LONGEST_SESSION_ID = 256
_CLOCK_SKEW_S = 60  # for iat and nbf, never for exp


async def verified_user(cloud: "Cloud", identity: dict[str, Any], unverified: str) -> UserContext:
    """Return the user whom the token proves; else raise InvalidParameter.JsonWebToken.

    Checked: key id and signature against the issuer's published keys, algorithm, iss, aud, exp, nbf, iat, sub.
    Left alone: nonce (the sign-in's own check) and azp.
    """
    if len(unverified) > LONGEST_TOKEN or unverified.count(".") != 2:
        raise bad_user_token("it is not a signed JWT")
    provider = control.get(cloud, IDENTITY_PROVIDER, identity["IdentityProviderName"])
    metadata = await fetch_document(local_url(cloud, provider["DiscoveryURL"]))
    keys = _key_set(provider, await fetch_document(_text(provider, metadata, "jwks_uri")))
    claims = _verified_claims(unverified, keys)
    _check_claims(claims, _text(provider, metadata, "issuer"), provider["AllowedAudience"], int(cloud.clock.time()))
    audiences = claims["aud"] if isinstance(claims["aud"], str) else ",".join(claims["aud"])
    session_id = claims.get("session_id", "")
    if not isinstance(session_id, str) or len(session_id) > _LONGEST_SESSION_ID:
        raise bad_user_token("its session_id is not a short string")
    return UserContext("jwt", claims["sub"], claims["iss"], audiences, claims.get("jti", ""), session_id)


def _verified_claims(unverified: str, keys: KeySet) -> dict[str, Any]:
    def by_kid(obj: Any) -> Any:
        kid = obj.headers().get("kid")
        if not isinstance(kid, str) or not kid:
            raise bad_user_token("it names no key")
        return keys.get_by_kid(kid)

    try:
        return jwt.decode(unverified, by_kid, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError) as error:
        raise bad_user_token("its signature, key or algorithm is not the identity provider's") from error


def _check_claims(claims: dict[str, Any], issuer: str, audiences: list[str], now: int) -> None:
    registry = jwt.JWTClaimsRegistry(
        now=now,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "values": audiences},
        sub={"essential": True, "allow_blank": False},
        exp={"essential": True},
    )
    try:
        # exp without leeway; iat and nbf may be a little ahead of us
        registry.validate({name: value for name, value in claims.items() if name not in ("iat", "nbf")})
        jwt.JWTClaimsRegistry(now=now, leeway=_CLOCK_SKEW_S).validate(
            {name: value for name, value in claims.items() if name in ("iat", "nbf")}
        )
    except ExpiredTokenError as error:
        raise bad_user_token("it is expired") from error
    except (JoseError, TypeError) as error:
        raise bad_user_token(f"a claim is wrong or absent ({error})") from error


def _key_set(provider: dict[str, Any], document: dict[str, Any]) -> KeySet:
    try:
        return KeySet.import_key_set({"keys": document["keys"]})
    except (JoseError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise discovery_unreachable(provider["DiscoveryURL"], "its keys cannot be read") from error


def _text(provider: dict[str, Any], metadata: dict[str, Any], name: str) -> str:
    value = metadata.get(name)
    if not isinstance(value, str) or not value:
        raise discovery_unreachable(provider["DiscoveryURL"], f"its {name} is absent")
    return value
