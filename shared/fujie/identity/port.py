"""The part of the store that identity needs; `fujie.sessions` has the adapters."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fujie.identity.rows import BrowserSession, Consent, ConsentStatus, Delegation, LoginAttempt, User


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
    async def add_delegation(self, delegation: Delegation) -> None: ...
    async def delegation(self, delegation_id: str) -> Delegation | None: ...
    async def reseal_delegation(self, delegation_id: str, sealed: str, expires_at: datetime) -> None:
        """Put renewed tokens in; a withdrawn delegation stays as it is."""

    async def withdraw_delegation(self, delegation_id: str, at: datetime) -> None: ...

    # Runs
    async def run(self, run_id: str) -> OwnedRun | None: ...

    # Consents
    async def add_consent(self, consent: Consent) -> None: ...
    async def consent(self, consent_id: str) -> Consent | None: ...
    async def consent_by_state(self, state_hash: str) -> Consent | None: ...
    async def open_consents(self, run_id: str) -> Sequence[Consent]: ...
    async def expired_consents(self, now: datetime, limit: int = 100) -> Sequence[Consent]:
        """Return consents still open whose time is over."""

    async def move_consent(
        self,
        consent_id: str,
        expected: Sequence[ConsentStatus],
        status: ConsentStatus,
        *,
        bound_session_hash: str | None = None,
    ) -> Consent | None:
        """Compare and set the status; return the new row, or None when it was in none of `expected`."""
