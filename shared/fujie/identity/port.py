"""The part of the store that identity needs; `fujie.sessions` has the adapters."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from fujie.identity.rows import (
    BrowserSession,
    Consent,
    ConsentStatus,
    Delegation,
    Grant,
    LedgerEntry,
    LoginAttempt,
    SealedCredential,
    User,
)


class OwnedRun(Protocol):
    """What identity asks of a run: whose it is, under which delegation, and whether it still goes on."""

    @property
    def id(self) -> str: ...
    @property
    def user(self) -> User: ...
    @property
    def delegation_id(self) -> str: ...
    @property
    def status(self) -> str: ...


class IdentityStore(Protocol):
    """Sign-ins, delegations and consents. Every method is one transaction; what is not there comes back as None."""

    # Sign-in
    async def add_login_attempt(self, attempt: LoginAttempt) -> None: ...
    async def take_login_attempt(self, state_hash: str) -> LoginAttempt | None:
        """Return the attempt and remove it, so that it is used once, also under concurrency."""

    async def forget_login_attempts(self, now: datetime) -> None:
        """Remove the attempts whose time is over."""

    async def add_browser_session(self, session: BrowserSession) -> None: ...
    async def browser_session(self, id_hash: str) -> BrowserSession | None: ...
    async def touch_browser_session(self, id_hash: str, idle_expires_at: datetime) -> None: ...
    async def delete_browser_session(self, id_hash: str) -> None: ...

    # Delegations
    async def add_delegation(self, delegation: Delegation) -> Delegation:
        """Return the row of this id: the one given, unless there was one before."""

    async def delegation(self, delegation_id: str) -> Delegation | None: ...
    async def reseal_delegation(self, delegation_id: str, sealed: str, expires_at: datetime) -> None:
        """Put renewed tokens in; a withdrawn delegation stays as it is."""

    async def withdraw_delegation(self, delegation_id: str, at: datetime) -> None: ...
    async def forget_ended_sign_ins(self, before: datetime, limit: int) -> None:
        """Remove at most `limit` browser sessions that were idle or over before, and as many delegations that ended.

        A delegation whose browser session is still there stays: it can be renewed.
        """

    # Runs
    async def run(self, run_id: str) -> OwnedRun | None: ...

    # Consents
    async def add_consent(self, consent: Consent) -> None: ...
    async def consent(self, consent_id: str) -> Consent | None: ...
    async def consent_by_state(self, state_hash: str) -> Consent | None: ...
    async def open_consents(self, run_id: str) -> Sequence[Consent]: ...
    async def open_consents_of(self, user: User, provider: str) -> Sequence[Consent]:
        """Return what the person is being asked for at this provider, in any run."""

    async def expired_consents(self, now: datetime, limit: int = 100) -> Sequence[Consent]:
        """Return consents still open whose time is over."""

    async def move_consent(
        self,
        consent_id: str,
        expected: Sequence[ConsentStatus],
        status: ConsentStatus,
        *,
        bound_session_hash: str | None = None,
        expires_at: datetime | None = None,
    ) -> Consent | None:
        """Compare and set the status, and what is given with it; return the new row.

        None when it was in none of `expected`.
        """

    # Grants
    async def give_grant(self, grant: Grant, *, revives: bool) -> None:
        """Keep what a person allowed at a provider.

        Where the two have a row already, it gets the scopes, words and `granted_at`; a withdrawn one stands again under
        its own generation if this `revives` it, and else stays as it is.
        """

    async def grant(self, user: User, provider: str) -> Grant | None:
        """Return the row of the two, also a withdrawn one."""

    async def grants(self, user: User) -> Sequence[Grant]:
        """Return the person's own that stand, by provider."""

    async def touch_grant(self, grant_id: str, at: datetime) -> None: ...
    async def withdraw_grant(self, grant_id: str, user: User, at: datetime) -> Grant | None:
        """Withdraw the person's own grant; None when it is none of his or does not stand."""

    # Internal tokens that were used for a change
    async def spend_token(self, token_id: str, now: datetime, expires_at: datetime) -> bool:
        """Say whether this is the token's first use, once, also under concurrency; forgets those that have ended."""

    # Credentials that instances share, in envelopes
    async def keep_credential(self, row: SealedCredential, now: datetime, limit: int) -> None:
        """Keep the row in the place of an older one; rows that have ended go, and those next to end beyond `limit`."""

    async def kept_credential(self, key_hash: str) -> SealedCredential | None: ...
    async def drop_credential(self, key_hash: str) -> None: ...

    # Ledger
    async def append_ledger(self, entry: LedgerEntry, seal: Callable[[LedgerEntry], str]) -> LedgerEntry:
        """Number the entry, chain it to the last one, seal it and keep it; one at a time, whoever writes."""

    async def ledger(self, after: int = 0, limit: int = 1000) -> Sequence[LedgerEntry]:
        """Return entries with seq > after, in order. Numbers start at 1."""

    async def ledger_head(self) -> tuple[int, str]:
        """Return number and seal of the last entry that was written; (0, "") when there is none."""
