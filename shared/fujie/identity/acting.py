"""Acting for somebody: the proof that a run and a delegation belong to one person, and the tokens it gives."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fujie.identity.claims import IdTokenVerifier
from fujie.identity.delegation import InboundTokens, Opener, Sealer, row_id_of
from fujie.identity.errors import (
    DelegationExpiredError,
    DelegationMismatchError,
    DelegationRequiredError,
    SignInError,
    TokenInvalidError,
)
from fujie.identity.internal import InternalCaller
from fujie.identity.port import IdentityStore, OwnedRun
from fujie.identity.rows import Delegation, User
from fujie.identity.token_endpoint import ask_tokens
from fujie.settings import Settings

if TYPE_CHECKING:
    import httpx2

REFRESH_MARGIN = timedelta(seconds=60)
"""A token that ends within this is refreshed if it can be: the calls it is for take a while."""


@dataclass(frozen=True)
class Acting:
    """A run, its user and the user's tokens; made only by `acting_for`, which checked that they belong together."""

    run: OwnedRun
    user: User
    delegation: Delegation
    tokens: InboundTokens

    @property
    def run_id(self) -> str:
        return self.run.id


@dataclass(frozen=True)
class Unattended:
    """What happened by itself: a timer, an object, a message. Nobody's delegation, the workload's own means alone."""

    tenant: str
    run_id: str
    """The event's id."""

    @property
    def user(self) -> User:
        """Nobody."""
        return User(self.tenant, "", "")


Actor = Acting | Unattended


class Refresher:
    """Renews delegations at the issuer's token endpoint and seals them anew."""

    def __init__(
        self, settings: Settings, http: "httpx2.AsyncClient", verifier: IdTokenVerifier, sealer: Sealer
    ) -> None:
        self._settings = settings
        self._http = http
        self._verifier = verifier
        self._sealer = sealer

    async def refresh(self, store: IdentityStore, delegation: Delegation, tokens: InboundTokens) -> InboundTokens:
        """Return renewed tokens of the same person, stored; raises DelegationExpiredError when there are none."""
        if tokens.refresh_token is None:
            raise DelegationExpiredError("the user's sign-in has ended", repair="sign in again")
        metadata = await self._verifier.issuer_metadata()
        form = {
            "grant_type": "refresh_token",
            "refresh_token": tokens.refresh_token.reveal(),
            "client_id": self._settings.oidc_client_id,
        }
        secret = self._settings.oidc_client_secret
        try:
            issued = await ask_tokens(self._http, metadata.token_endpoint, form, secret)
            claims = await self._verifier.verify(issued.unverified_id_token)
        except (SignInError, TokenInvalidError) as error:
            raise DelegationExpiredError("the user's sign-in could not be renewed", repair="sign in again") from error
        if claims.subject != delegation.user.id:
            raise DelegationMismatchError("the issuer renewed the sign-in of somebody else")
        renewed = InboundTokens(
            issued.unverified_id_token,
            issued.refresh_token or tokens.refresh_token,
            claims.expires_at,
            tokens.secret_hash,
        )
        sealed = self._sealer.seal(delegation.id, delegation.user, delegation.session_hash, renewed)
        await store.reseal_delegation(delegation.id, sealed, renewed.expires_at)
        return renewed


async def acting_for(
    store: IdentityStore, opener: Opener, caller: InternalCaller, *, refresh: Refresher | None, now: datetime
) -> Acting:
    """Return for whom the caller's run acts.

    Raises DelegationRequiredError (no user), DelegationMismatchError (they do not belong together, or the run has
    ended), DelegationExpiredError (ended or withdrawn).
    """
    run = await store.run(caller.run_id) if caller.run_id else None
    if run is None:
        raise DelegationMismatchError("the token names no run of this stack")
    if run.status in {"completed", "failed", "canceled"}:
        raise DelegationMismatchError("the run has ended: it acts for nobody")
    if not run.delegation_id and not caller.delegation_id:
        raise DelegationRequiredError("the run has no user", repair="ask again as a signed-in user")
    if not hmac.compare_digest(run.delegation_id.encode(), caller.delegation_id.encode()):
        raise DelegationMismatchError("the run belongs to another delegation")
    delegation = await store.delegation(row_id_of(run.delegation_id))
    if delegation is None or not is_same_person(run.user, delegation.user):
        raise DelegationMismatchError("the run and its delegation have different owners")
    tokens = await open_tokens(store, opener, delegation, run.delegation_id, refresh=refresh, now=now)
    return Acting(run, delegation.user, delegation, tokens)


async def open_tokens(
    store: IdentityStore,
    opener: Opener,
    delegation: Delegation,
    handed: str,
    *,
    refresh: Refresher | None,
    now: datetime,
) -> InboundTokens:
    """Return the tokens to who was `handed` the delegation, renewed if they end soon and can be.

    Raises DelegationExpiredError or DelegationMismatchError.
    """
    tokens = opener.open(delegation, handed)
    if now < tokens.expires_at - REFRESH_MARGIN:
        return tokens
    if refresh is not None and tokens.refresh_token is not None:
        try:
            return await refresh.refresh(store, delegation, tokens)
        except DelegationExpiredError:
            other = await _renewed_meanwhile(store, opener, delegation, handed, now)
            if other is not None:
                return other
            if now >= tokens.expires_at:
                raise
    if now >= tokens.expires_at:
        raise DelegationExpiredError("the user's sign-in has ended", repair="sign in again")
    return tokens


def is_same_person(one: User, other: User) -> bool:
    """Say whether two rows mean one person: tenant and id decide, never the name."""
    return (one.tenant, one.id) == (other.tenant, other.id)


async def _renewed_meanwhile(
    store: IdentityStore, opener: Opener, delegation: Delegation, handed: str, now: datetime
) -> InboundTokens | None:
    """Return what another instance sealed since: a rotating refresh token works for one of two who use it at once."""
    row = await store.delegation(delegation.id)
    if row is None or row.sealed == delegation.sealed:
        return None
    tokens = opener.open(row, handed)
    return tokens if now < tokens.expires_at else None
