"""The store's port: what every adapter does, and the errors it raises. One contract test runs over all adapters."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fujie.sessions.rows import (
    BrowserSession,
    Consent,
    ConsentStatus,
    Conversation,
    Delegation,
    LoginAttempt,
    Run,
    RunStatus,
    User,
)


class Store(Protocol):
    """All state of one stack. Every method is one transaction; reads of things that are not there return None."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...

    # Sign-in
    async def add_login_attempt(self, attempt: LoginAttempt) -> None: ...
    async def take_login_attempt(self, state_hash: str) -> LoginAttempt | None:
        """Return the attempt and remove it, so that it is used once, also under concurrency."""

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

    # Conversations and runs
    async def add_conversation(self, conversation: Conversation) -> None:
        """Raises ConflictError when the id exists."""

    async def conversation(self, conversation_id: str) -> Conversation | None: ...
    async def conversations(self, user: User, limit: int = 50) -> Sequence[Conversation]:
        """Return the user's own, newest first (tenant and id decide, never the name)."""

    async def add_run(self, run: Run) -> None:
        """Insert the run and make its conversation the newest.

        Raises ConflictError when its conversation already has one that is running or waiting, or is not its user's.
        """

    async def run(self, run_id: str) -> Run | None: ...
    async def runs(self, conversation_id: str) -> Sequence[Run]:
        """Return a conversation's runs, oldest first."""

    async def lease_run(
        self, run_id: str, owner: str, now: datetime, until: datetime, expected: Sequence[RunStatus]
    ) -> Run | None:
        """Take the run, set it to running with a raised fence and return it.

        None when its status is none of `expected`, or another owner's lease has not ended.
        """

    async def save_run(
        self,
        run_id: str,
        fence: int,
        *,
        status: RunStatus,
        now: datetime,
        history: str | None = None,
        pending: str | None = None,
        error: str | None = None,
        lease_expires_at: datetime | None = None,
    ) -> None:
        """Write what changed; a status other than running ends the lease. Raises FencedError on an older fence."""

    async def append_events(self, run_id: str, fence: int, first_seq: int, events: Sequence[str]) -> None:
        """Append events (JSON text) numbered from `first_seq`. Raises FencedError on an older fence."""

    async def events(self, run_id: str, after: int = -1) -> Sequence[tuple[int, str]]:
        """Return (seq, event) with seq > after, in order. Numbers start at 0."""

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
