"""Who may ask: `chat` for a delegation it names, or a person with an id_token, which is sealed at once."""

from collections.abc import Mapping

from fujie import clock
from fujie.agents.inbound import Inbound
from fujie.agents.port import Principal
from fujie.identity.claims import IdTokenVerifier, unverified_header
from fujie.identity.delegation import Sealer, delegate_direct, row_id_of
from fujie.identity.errors import DelegationExpiredError, DelegationMismatchError, TokenInvalidError
from fujie.identity.internal import TYPE, InternalCaller, InternalVerifier, spend
from fujie.secret import Secret
from fujie.sessions.port import Store


class Door(Inbound):
    """Turns a request's token into a Principal; every refusal is an IdentityError."""

    def __init__(
        self,
        store: Store,
        *,
        from_chat: InternalVerifier,
        from_wakers: InternalVerifier,
        id_tokens: IdTokenVerifier,
        sealer: Sealer,
        tenant: str,
    ) -> None:
        self._store = store
        self._from_chat = from_chat
        self._from_wakers = from_wakers
        self._id_tokens = id_tokens
        self._sealer = sealer
        self._tenant = tenant

    async def admit(self, headers: Mapping[str, str]) -> Principal:
        """Admit `chat`, once per token, or a person with an id_token of this stack's issuer."""
        unverified_token = _bearer(headers)
        if unverified_header(unverified_token).get("typ") == TYPE:
            return await self._delegated(self._from_chat.verify(unverified_token))
        claims = await self._id_tokens.verify(unverified_token)
        handed = await delegate_direct(self._store, self._sealer, claims, unverified_token, tenant=self._tenant)
        return Principal(claims.user(self._tenant), handed)

    async def only_verify(self, headers: Mapping[str, str]) -> None:
        """Admit whom `admit` admits, to what needs nobody's delegation: nothing is sealed or kept."""
        unverified_token = _bearer(headers)
        if unverified_header(unverified_token).get("typ") == TYPE:
            await self._standing(self._from_chat.verify(unverified_token))
        else:
            await self._id_tokens.verify(unverified_token)

    async def chat(self, headers: Mapping[str, str]) -> Principal:
        """Admit `chat` alone, once per token."""
        return await self._delegated(self._from_chat.verify(_bearer(headers)))

    async def waker(self, unverified_token: Secret, run_id: str) -> Principal:
        """Admit `callback` or `chat` with a token that was minted for this run.

        The platform delivers a wake-up at least once, so its token may come again: a second one finds nothing to do.
        """
        caller = self._from_wakers.verify(unverified_token)
        run = await self._store.run(run_id)
        if run is None or caller.run_id != run_id or caller.delegation_id != run.delegation_id:
            raise DelegationMismatchError("the token was not minted for this run")
        return Principal(run.user, run.delegation_id, caller.act)

    async def _delegated(self, caller: InternalCaller) -> Principal:
        principal = await self._standing(caller)
        await spend(self._store, caller, clock.now())
        return principal

    async def _standing(self, caller: InternalCaller) -> Principal:
        """Return for whom a token is that was not spent; whoever only verifies may admit its bearer afterwards."""
        if caller.run_id:
            raise TokenInvalidError("the internal token was minted to wake one run")
        row = await self._store.delegation(row_id_of(caller.delegation_id))
        if row is None or row.withdrawn_at is not None:
            raise DelegationExpiredError("the sign-in behind this request has ended", repair="sign in again")
        return Principal(row.user, caller.delegation_id, caller.act)


def _bearer(headers: Mapping[str, str]) -> Secret:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenInvalidError("a bearer token is needed", repair="send `Authorization: Bearer` with your id_token")
    return Secret(token.strip())
