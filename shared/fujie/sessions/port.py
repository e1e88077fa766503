"""The store's port: what every adapter does, and the errors it raises. One contract test runs over all adapters."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from fujie.identity.port import IdentityStore
from fujie.identity.rows import User
from fujie.sessions.rows import (
    AgentState,
    Claim,
    Conversation,
    Deed,
    DeedOutcome,
    PushAddress,
    Run,
    RunStatus,
)


class RunEnd(Struct, frozen=True):
    """How a worker leaves a run's row when it lets go of it; None leaves a column as it is."""

    status: RunStatus
    now: datetime
    history: str | None = None
    pending: str | None = None
    error: str | None = None


class Store(IdentityStore, Protocol):
    """All state of one stack. Every method is one transaction; what is not there comes back as None."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...

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

    async def begin_run(self, run: Run, title: str) -> None:
        """Insert the run, which is running, and its conversation, with this title, where there is none of its id.

        Raises ConflictError as `add_run` does, and when a run of its id exists. Runs that begin at the same time are
        written together.
        """

    async def run(self, run_id: str) -> Run | None: ...
    async def runs(self, conversation_id: str) -> Sequence[Run]:
        """Return a conversation's runs, oldest first."""

    async def runs_of(self, user: User, limit: int = 500) -> Sequence[Run]:
        """Return the user's own in all conversations, the last that changed first."""

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

    async def append_events(
        self, run_id: str, fence: int, first_seq: int, events: Sequence[str], end: RunEnd | None = None
    ) -> None:
        """Append events (JSON text) numbered from `first_seq`; with `end`, write with them how the run is left.

        Raises FencedError on an older fence. What several runs have at the same time is written together.
        """

    async def events(self, run_id: str, after: int = -1) -> Sequence[tuple[int, str]]:
        """Return (seq, event) with seq > after, in order. Numbers start at 0."""

    # Who hears how a run goes
    async def put_push_address(self, address: PushAddress) -> None:
        """Keep an address, in place of the one that has its run and id."""

    async def push_addresses(self, run_id: str) -> Sequence[PushAddress]:
        """Return a run's addresses by id."""

    async def drop_push_addresses(self, run_id: str, address_id: str | None = None) -> None:
        """Forget one of a run's addresses, or all."""

    # What agents keep
    async def put_agent_state(self, state: AgentState, keep: int | None = None) -> None:
        """Write a state, in place of the one of its number; with `keep`, only so many of the newest stay."""

    async def agent_states(
        self, user: User, session_id: str, name: str, limit: int | None = None
    ) -> Sequence[AgentState]:
        """Return the states by number; with `limit`, the newest of them."""

    async def drop_agent_states(self, user: User, session_id: str, name: str) -> None:
        """Forget what is kept under a name."""

    async def agent_state_sessions(self, user: User, name: str) -> Sequence[str]:
        """Return the ids of the user's sessions that have something under a name."""

    # What must happen once
    async def claim_deed(self, deed: Deed, now: datetime) -> Claim:
        """Return what is known of the deed; one that is new or lost is this worker's from now on, until `held_until`.

        Of workers that ask at once, one gets it. Rows whose time is over go.
        """

    async def end_deed(self, deed_id: str, outcome: DeedOutcome, result: str = "") -> None:
        """Say how it ended, and what came of it; after a failure it is new again."""
