"""The doors of an agent that is served alone: API keys, id_tokens of named issuers, open, or closed."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from fujie import clock
from fujie.agents.config import AgentConfig, TokenIssuer
from fujie.agents.inbound import Inbound
from fujie.agents.port import Principal
from fujie.errors import SettingsError
from fujie.identity.errors import TokenInvalidError
from fujie.identity.rows import User
from fujie.secret import Secret

if TYPE_CHECKING:
    import httpx2

    from fujie.identity.claims import IdTokenVerifier

TENANT = "default"
KEYS_TENANT = "api-keys"
"""Where keys are users: no subject of an issuer is a user there, whatever it is called."""
OPEN_USER = User(TENANT, "local", "local")
MAX_REMEMBERED = 10_000
REMEMBERED_FOR = timedelta(minutes=5)
"""A verified token is not verified again for so long: the signature alone costs as much as an answer."""
_KEY_HASH_CHARS = 64


class Open(Inbound):
    """Everybody is one user."""

    def __init__(self) -> None:
        self._principal = Principal(OPEN_USER, "")

    async def admit(self, headers: Mapping[str, str]) -> Principal:  # noqa: ARG002 - whoever asks
        return self._principal

    async def only_verify(self, headers: Mapping[str, str]) -> None: ...


class Closed(Inbound):
    """Nobody is let in: no way in was named."""

    async def admit(self, headers: Mapping[str, str]) -> Principal:  # noqa: ARG002 - whoever asks
        raise TokenInvalidError(
            "this agent lets nobody in yet",
            repair="name issuers or api_keys in its AgentConfig, or set open_access for callers on this machine",
        )

    async def only_verify(self, headers: Mapping[str, str]) -> None:
        await self.admit(headers)


class ApiKeys(Inbound):
    """Whoever has a key is the user of that key, named by the key's hash."""

    def __init__(self, hashes: Sequence[str]) -> None:
        for written in hashes:
            if len(written) != _KEY_HASH_CHARS or not all(digit in "0123456789abcdef" for digit in written):
                raise SettingsError("api_keys holds something that is no SHA-256 in hex", repair="list hashes")
        self._hashes = [written.encode() for written in hashes]

    async def admit(self, headers: Mapping[str, str]) -> Principal:
        from hmac import compare_digest

        found = _sha256(headers.get("x-api-key") or bearer_of(headers).reveal())
        if not any(compare_digest(found.encode(), known) for known in self._hashes):
            raise TokenInvalidError("the API key is not one that is let in here")
        user_id = f"key-{found[:16]}"
        return Principal(User(KEYS_TENANT, user_id, user_id), "")

    async def only_verify(self, headers: Mapping[str, str]) -> None:
        await self.admit(headers)


class BearerTokens(Inbound):
    """The subject of an id_token of one of these issuers."""

    def __init__(
        self,
        issuers: Sequence[TokenIssuer],
        *,
        now: clock.Clock = clock.now,
        http: "httpx2.AsyncClient | None" = None,
    ) -> None:
        self._issuers = {issuer.issuer.rstrip("/"): issuer for issuer in issuers}
        self._verifiers: dict[str, IdTokenVerifier] = {}
        self._http = http
        self._now = now
        self._remembered: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    async def admit(self, headers: Mapping[str, str]) -> Principal:
        unverified_token = bearer_of(headers)
        digest = _sha256(unverified_token.reveal())
        moment = self._now()
        found = self._remembered.get(digest)
        if found is not None and moment.timestamp() < found[1]:
            return found[0]
        principal, expires_at = await self._verified(unverified_token)
        self._remembered[digest] = principal, min(expires_at, (moment + REMEMBERED_FOR).timestamp())
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return principal

    async def only_verify(self, headers: Mapping[str, str]) -> None:
        await self.admit(headers)

    async def close(self) -> None:
        """Close the connections to the issuers."""
        if self._http is not None:
            await self._http.aclose()

    async def _verified(self, unverified_token: Secret) -> tuple[Principal, float]:
        from fujie.identity.claims import unverified_payload

        unverified_issuer = str(unverified_payload(unverified_token).get("iss", "")).rstrip("/")
        issuer = self._issuers.get(unverified_issuer)
        if issuer is None:
            raise TokenInvalidError("the token was issued by somebody whose tokens are not taken here")
        claims = await self._verifier(issuer).verify(unverified_token)
        tenant = TENANT if len(self._issuers) == 1 else issuer.issuer
        return Principal(claims.user(tenant), ""), claims.expires_at.timestamp()

    def _verifier(self, issuer: TokenIssuer) -> "IdTokenVerifier":
        if issuer.issuer not in self._verifiers:
            from fujie.http import http_client
            from fujie.identity.claims import IdTokenVerifier

            self._http = self._http or http_client()
            self._verifiers[issuer.issuer] = IdTokenVerifier(self._http, issuer.issuer, issuer.audience, now=self._now)
        return self._verifiers[issuer.issuer]


class KeysOrTokens(Inbound):
    """Whoever has a key or a token; a bearer of three parts is a token."""

    def __init__(self, keys: ApiKeys, tokens: BearerTokens) -> None:
        self._keys = keys
        self._tokens = tokens

    async def admit(self, headers: Mapping[str, str]) -> Principal:
        has_token = "x-api-key" not in headers and bearer_of(headers).reveal().count(".") == 2
        return await (self._tokens if has_token else self._keys).admit(headers)

    async def only_verify(self, headers: Mapping[str, str]) -> None:
        await self.admit(headers)

    async def close(self) -> None:
        """Close the connections to the issuers."""
        await self._tokens.close()


def door_for(config: AgentConfig) -> Inbound:
    """Return the door that a configuration names; raises SettingsError when it names open access beside another."""
    if config.open_access:
        if config.api_keys or config.issuers:
            raise SettingsError("open_access lets everybody in, keys and tokens or not", repair="leave one of them out")
        return Open()
    if config.api_keys and config.issuers:
        return KeysOrTokens(ApiKeys(config.api_keys), BearerTokens(config.issuers))
    if config.api_keys:
        return ApiKeys(config.api_keys)
    return BearerTokens(config.issuers) if config.issuers else Closed()


def bearer_of(headers: Mapping[str, str]) -> Secret:
    """Return what comes as a bearer. Raises TokenInvalidError."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenInvalidError("a bearer token is needed", repair="send `Authorization: Bearer` and a token or key")
    return Secret(token.strip())


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("latin-1", "replace")).hexdigest()
