"""Tokens between functions: who speaks, to whom, on whose behalf; five minutes, one audience, an `act` chain.

ES256, `typ` fujie-internal+jwt. The act claim (RFC 8693, section 4.1) names the function that speaks and, nested,
those that spoke before it. Who the user is, the delegation says.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fujie import clock
from fujie.identity.claims import check_times, unverified_header, unverified_payload
from fujie.identity.errors import IdentityMisconfiguredError, TokenInvalidError
from fujie.identity.keys import key_for, keys_from_jwk
from fujie.identity.port import IdentityStore
from fujie.secret import Secret

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

ALGORITHM = "ES256"
TYPE = "fujie-internal+jwt"
MAX_LIFETIME_S = 300
MAX_CHAIN = 5
MAX_TOKEN_ID = 64
NEVER = datetime.min.replace(tzinfo=UTC)
_TEXTS = ("dlg", "run", "tool", "call", "ath")


@dataclass(frozen=True)
class InternalCaller:
    """A function that spoke to us with a token that held, and what it spoke about."""

    function: str
    act: Mapping[str, Any]
    delegation_id: str
    run_id: str = ""
    tool: str = ""
    call_id: str = ""
    arguments_hash: str = ""
    token_id: str = ""
    expires_at: datetime = NEVER
    """When the token ends; until then a use of it for a change is remembered."""


class InternalMinter:
    """Mints the tokens of one function."""

    def __init__(self, function: str, signing_key: Secret, *, now: clock.Clock = clock.now) -> None:
        self._function = function
        self._signing_key = signing_key
        self._now = now
        self._key: ECKey | None = None

    def mint(
        self,
        audience: str,
        *,
        delegation_id: str,
        run_id: str = "",
        tool: str = "",
        call_id: str = "",
        arguments_hash: str = "",
        act: Mapping[str, Any] | None = None,
    ) -> Secret:
        """Return a token for one function; `act` is the chain of the caller for whom we go on (InternalCaller.act)."""
        from joserfc import jwt

        issued = int(self._now().timestamp())
        claims: dict[str, Any] = {
            "iss": self._function,
            "aud": audience,
            "iat": issued,
            "exp": issued + MAX_LIFETIME_S,
            "jti": secrets.token_urlsafe(16),
            "act": {"sub": self._function} | ({"act": dict(act)} if act else {}),
        }
        texts = dict(zip(_TEXTS, (delegation_id, run_id, tool, call_id, arguments_hash), strict=True))
        claims |= {name: text for name, text in texts.items() if text}
        key = self._loaded()
        return Secret(jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}, claims, key, [ALGORITHM]))

    def _loaded(self) -> "ECKey":
        if self._key is None:
            self._key = keys_from_jwk(self._signing_key.reveal(), setting="FUJIE_INTERNAL_SIGNING_KEY")[0]
        return self._key


class InternalVerifier:
    """Verifies tokens that are meant for one function, from the functions that may speak to it."""

    def __init__(
        self,
        function: str,
        public_keys: Mapping[str, str],
        minters: Collection[str],
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        if not function or not minters or isinstance(minters, str):
            raise IdentityMisconfiguredError("a function that verifies internal tokens must say from whom")
        self._function = function
        self._public_keys = dict(public_keys)
        self._minters = frozenset(minters)
        self._now = now
        self._loaded: dict[str, list[ECKey]] = {}

    def verify(self, unverified_token: Secret) -> InternalCaller:
        """Return who speaks; raises TokenInvalidError or TokenExpiredError."""
        header = unverified_header(unverified_token)
        if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
            raise TokenInvalidError("the token is not an internal token")
        minter = unverified_payload(unverified_token).get("iss")
        claims = self._signed_claims(unverified_token, self._key(minter, header.get("kid")))
        if claims.get("iss") != minter:
            raise TokenInvalidError("the internal token names two minters")
        if claims.get("aud") != self._function:
            raise TokenInvalidError("the internal token is meant for another function")
        self._check_lifetime(claims)
        return _caller(claims)

    def _key(self, minter: object, kid: object) -> "ECKey":
        if not isinstance(minter, str) or minter not in self._minters or minter not in self._public_keys:
            raise TokenInvalidError("the internal token is from a function that does not speak to this one")
        if minter not in self._loaded:
            self._loaded[minter] = keys_from_jwk(self._public_keys[minter], setting="FUJIE_INTERNAL_PUBLIC_KEYS")
        key = key_for(self._loaded[minter], kid)
        if key is None:
            raise TokenInvalidError("the internal token is signed with a key that is not configured")
        return key

    def _signed_claims(self, unverified_token: Secret, key: "ECKey") -> Mapping[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            return jwt.decode(unverified_token.reveal(), key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError):
            raise TokenInvalidError("the internal token's signature does not hold") from None

    def _check_lifetime(self, claims: Mapping[str, Any]) -> None:
        check_times(claims, self._now())
        if not 0 < claims["exp"] - claims["iat"] <= MAX_LIFETIME_S:
            raise TokenInvalidError(f"the internal token lives longer than {MAX_LIFETIME_S} s")


def arguments_hash(arguments: Mapping[str, Any]) -> str:
    """Return the `ath` of a tool call: base64url SHA-256 of its arguments as canonical JSON (sorted, no spaces)."""
    text = json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _caller(claims: Mapping[str, Any]) -> InternalCaller:
    texts = [claims.get(name, "") for name in _TEXTS]
    token_id = claims.get("jti")
    if (
        not isinstance(token_id, str)
        or not 0 < len(token_id) <= MAX_TOKEN_ID
        or not all(isinstance(text, str) for text in texts)
    ):
        raise TokenInvalidError("the internal token is malformed")
    act: Any = claims.get("act")
    if not _is_chain(act) or act["sub"] != claims["iss"]:
        raise TokenInvalidError("the internal token's act chain does not begin with its issuer")
    ends = datetime.fromtimestamp(claims["exp"], UTC)
    dlg, run, tool, call, ath = texts
    return InternalCaller(claims["iss"], act, dlg, run, tool, call, ath, token_id, ends)


async def spend(store: IdentityStore, caller: InternalCaller, now: datetime) -> None:
    """Use up the token of a request that changes something; raises TokenInvalidError when it was used before.

    What is remembered ends with the token, so the store holds five minutes of changes and no more.
    """
    if not caller.token_id or not await store.spend_token(caller.token_id, now, caller.expires_at):
        raise TokenInvalidError("the internal token was used before")


def _is_chain(act: Any) -> bool:
    for _ in range(MAX_CHAIN):
        if not isinstance(act, dict) or not isinstance(act.get("sub"), str) or act.keys() - {"sub", "act"}:
            return False
        if "act" not in act:
            return True
        act = act["act"]
    return False
