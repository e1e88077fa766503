"""The store in memory: the double that ships, under the same contract test as SQL; one process, nothing kept."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from fujie.identity.rows import (
    OPEN_CONSENT,
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
from fujie.sessions.errors import ConflictError, FencedError
from fujie.sessions.port import RunEnd, Store
from fujie.sessions.rows import (
    AgentState,
    Claim,
    Conversation,
    Deed,
    DeedOutcome,
    PushAddress,
    Run,
    RunStatus,
    claim_of,
)

Kept = TypeVar("Kept")
UNFINISHED: tuple[RunStatus, ...] = ("running", "waiting")


class MemoryStore(Store):
    """State in dictionaries. No method awaits between reading and writing, so each is one transaction."""

    def __init__(self) -> None:
        self._attempts: dict[str, LoginAttempt] = {}
        self._sessions: dict[str, BrowserSession] = {}
        self._delegations: dict[str, Delegation] = {}
        self._conversations: dict[str, Conversation] = {}
        self._runs: dict[str, Run] = {}
        self._events: dict[str, dict[int, str]] = {}
        self._consents: dict[str, Consent] = {}
        self._grants: dict[tuple[str, str, str], Grant] = {}
        self._spent: dict[str, datetime] = {}
        self._shared: dict[str, SealedCredential] = {}
        self._addresses: dict[tuple[str, str], PushAddress] = {}
        self._deeds: dict[str, Deed] = {}
        self._states: dict[tuple[str, str, str, str], dict[int, AgentState]] = {}
        self._ledger: list[LedgerEntry] = []

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close: what was kept stays until the object goes."""

    # Sign-in

    async def add_login_attempt(self, attempt: LoginAttempt) -> None:
        _add(self._attempts, attempt.state_hash, attempt)

    async def take_login_attempt(self, state_hash: str) -> LoginAttempt | None:
        return self._attempts.pop(state_hash, None)

    async def forget_login_attempts(self, now: datetime) -> None:
        self._attempts = {key: attempt for key, attempt in self._attempts.items() if attempt.expires_at > now}

    async def add_browser_session(self, session: BrowserSession) -> None:
        _add(self._sessions, session.id_hash, session)

    async def browser_session(self, id_hash: str) -> BrowserSession | None:
        return self._sessions.get(id_hash)

    async def touch_browser_session(self, id_hash: str, idle_expires_at: datetime) -> None:
        if session := self._sessions.get(id_hash):
            self._sessions[id_hash] = replace(session, idle_expires_at=idle_expires_at)

    async def delete_browser_session(self, id_hash: str) -> None:
        self._sessions.pop(id_hash, None)

    # Delegations

    async def add_delegation(self, delegation: Delegation) -> Delegation:
        return self._delegations.setdefault(delegation.id, delegation)

    async def delegation(self, delegation_id: str) -> Delegation | None:
        return self._delegations.get(delegation_id)

    async def reseal_delegation(self, delegation_id: str, sealed: str, expires_at: datetime) -> None:
        row = self._delegations.get(delegation_id)
        if row and row.withdrawn_at is None:
            self._delegations[delegation_id] = replace(row, sealed=sealed, expires_at=expires_at)

    async def withdraw_delegation(self, delegation_id: str, at: datetime) -> None:
        row = self._delegations.get(delegation_id)
        if row and row.withdrawn_at is None:
            self._delegations[delegation_id] = replace(row, withdrawn_at=at)

    async def forget_ended_sign_ins(self, before: datetime, limit: int) -> None:
        over = [key for key, session in self._sessions.items() if session.idle_expires_at <= before]
        for key in over[:limit]:
            del self._sessions[key]
        rows = self._delegations.items()
        ended = [key for key, row in rows if row.expires_at <= before and row.session_hash not in self._sessions]
        for key in ended[:limit]:
            del self._delegations[key]

    # Conversations and runs

    async def add_conversation(self, conversation: Conversation) -> None:
        _add(self._conversations, conversation.id, conversation)

    async def conversation(self, conversation_id: str) -> Conversation | None:
        return self._conversations.get(conversation_id)

    async def conversations(self, user: User, limit: int = 50) -> Sequence[Conversation]:
        own = [row for row in self._conversations.values() if _same_person(row.user, user)]
        own.sort(key=lambda row: row.id)
        return sorted(own, key=lambda row: row.updated_at, reverse=True)[:limit]

    async def add_run(self, run: Run) -> None:
        conversation = self._conversations.get(run.conversation_id)
        if conversation is None or not _same_person(conversation.user, run.user):
            raise ConflictError("the conversation of this run does not exist for its user")
        if run.status in UNFINISHED and any(row.status in UNFINISHED for row in await self.runs(conversation.id)):
            raise ConflictError("the row exists already, or its conversation is busy")
        _add(self._runs, run.id, run)
        self._conversations[conversation.id] = replace(conversation, updated_at=run.created_at)

    async def begin_run(self, run: Run, title: str) -> None:
        if run.id in self._runs:
            raise ConflictError("a run of this id exists already")
        now = run.created_at
        self._conversations.setdefault(
            run.conversation_id, Conversation(run.conversation_id, run.user, title, now, now)
        )
        await self.add_run(run)

    async def run(self, run_id: str) -> Run | None:
        return self._runs.get(run_id)

    async def runs(self, conversation_id: str) -> Sequence[Run]:
        found = [row for row in self._runs.values() if row.conversation_id == conversation_id]
        return sorted(found, key=lambda row: (row.created_at, row.id))

    async def runs_of(self, user: User, limit: int = 500) -> Sequence[Run]:
        own = [row for row in self._runs.values() if _same_person(row.user, user)]
        own.sort(key=lambda row: row.id)
        return sorted(own, key=lambda row: row.updated_at, reverse=True)[:limit]

    async def lease_run(
        self, run_id: str, owner: str, now: datetime, until: datetime, expected: Sequence[RunStatus]
    ) -> Run | None:
        row = self._runs.get(run_id)
        if row is None or row.status not in expected or _held_by_another(row, owner, now):
            return None
        leased = replace(
            row, status="running", fence=row.fence + 1, lease_owner=owner, lease_expires_at=until, updated_at=now
        )
        self._runs[run_id] = leased
        return leased

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
        row = self._fenced(run_id, fence)
        row = replace(
            row,
            status=status,
            updated_at=now,
            history=row.history if history is None else history,
            pending=row.pending if pending is None else pending,
            error=row.error if error is None else error,
            lease_expires_at=lease_expires_at or row.lease_expires_at,
        )
        self._runs[run_id] = row if status == "running" else replace(row, lease_owner="", lease_expires_at=None)

    async def append_events(
        self, run_id: str, fence: int, first_seq: int, events: Sequence[str], end: RunEnd | None = None
    ) -> None:
        self._fenced(run_id, fence)
        log = self._events.setdefault(run_id, {})
        added = {first_seq + index: body for index, body in enumerate(events)}
        if log.keys() & added.keys():
            raise ConflictError("the row exists already, or its conversation is busy")
        log.update(added)
        if end is not None:
            history, pending, error = end.history, end.pending, end.error
            await self.save_run(
                run_id, fence, status=end.status, now=end.now, history=history, pending=pending, error=error
            )

    async def events(self, run_id: str, after: int = -1) -> Sequence[tuple[int, str]]:
        return sorted((seq, body) for seq, body in self._events.get(run_id, {}).items() if seq > after)

    # Consents

    async def add_consent(self, consent: Consent) -> None:
        if await self.consent_by_state(consent.state_hash):
            raise ConflictError("a consent with this state exists already")
        _add(self._consents, consent.id, consent)

    async def consent(self, consent_id: str) -> Consent | None:
        return self._consents.get(consent_id)

    async def consent_by_state(self, state_hash: str) -> Consent | None:
        return next((row for row in self._consents.values() if row.state_hash == state_hash), None)

    async def open_consents(self, run_id: str) -> Sequence[Consent]:
        found = [row for row in self._consents.values() if row.run_id == run_id and row.status in OPEN_CONSENT]
        return sorted(found, key=lambda row: (row.created_at, row.id))

    async def open_consents_of(self, user: User, provider: str) -> Sequence[Consent]:
        own = [row for row in self._consents.values() if _same_person(row.user, user) and row.provider == provider]
        found = [row for row in own if row.status in OPEN_CONSENT]
        return sorted(found, key=lambda row: (row.created_at, row.id))

    async def expired_consents(self, now: datetime, limit: int = 100) -> Sequence[Consent]:
        found = [row for row in self._consents.values() if row.status in OPEN_CONSENT and row.expires_at <= now]
        return sorted(found, key=lambda row: (row.expires_at, row.id))[:limit]

    async def move_consent(
        self,
        consent_id: str,
        expected: Sequence[ConsentStatus],
        status: ConsentStatus,
        *,
        bound_session_hash: str | None = None,
        expires_at: datetime | None = None,
    ) -> Consent | None:
        row = self._consents.get(consent_id)
        if row is None or row.status not in expected:
            return None
        bound = row.bound_session_hash if bound_session_hash is None else bound_session_hash
        ends = expires_at or row.expires_at
        self._consents[consent_id] = replace(row, status=status, bound_session_hash=bound, expires_at=ends)
        return self._consents[consent_id]

    # Grants

    async def give_grant(self, grant: Grant, *, revives: bool) -> None:
        key = (grant.user.tenant, grant.user.id, grant.provider)
        row = self._grants.get(key)
        if row is None:
            self._grants[key] = grant
        elif revives or row.withdrawn_at is None:
            self._grants[key] = replace(
                row, scopes=grant.scopes, words=grant.words, granted_at=grant.granted_at, withdrawn_at=None
            )

    async def grant(self, user: User, provider: str) -> Grant | None:
        return self._grants.get((user.tenant, user.id, provider))

    async def grants(self, user: User) -> Sequence[Grant]:
        own = [row for row in self._grants.values() if _same_person(row.user, user) and row.withdrawn_at is None]
        return sorted(own, key=lambda row: row.provider)

    async def touch_grant(self, grant_id: str, at: datetime) -> None:
        for key, row in self._grants.items():
            if row.id == grant_id:
                self._grants[key] = replace(row, last_used_at=at)

    async def withdraw_grant(self, grant_id: str, user: User, at: datetime) -> Grant | None:
        for row in await self.grants(user):
            if row.id == grant_id:
                withdrawn = replace(row, withdrawn_at=at, generation=row.generation + 1)
                self._grants[user.tenant, user.id, row.provider] = withdrawn
                return withdrawn
        return None

    # Internal tokens

    async def spend_token(self, token_id: str, now: datetime, expires_at: datetime) -> bool:
        self._spent = {key: end for key, end in self._spent.items() if end > now}
        if token_id in self._spent:
            return False
        self._spent[token_id] = expires_at
        return True

    # Credentials that instances share

    async def keep_credential(self, row: SealedCredential, now: datetime, limit: int) -> None:
        others = [kept for kept in self._shared.values() if kept.expires_at > now and kept.key_hash != row.key_hash]
        last_to_end = sorted([*others, row], key=lambda kept: (-kept.expires_at.timestamp(), kept.key_hash))
        self._shared = {kept.key_hash: kept for kept in last_to_end[:limit]}

    async def kept_credential(self, key_hash: str) -> SealedCredential | None:
        return self._shared.get(key_hash)

    async def drop_credential(self, key_hash: str) -> None:
        self._shared.pop(key_hash, None)

    # Who hears how a run goes

    async def put_push_address(self, address: PushAddress) -> None:
        self._addresses[address.run_id, address.id] = address

    async def push_addresses(self, run_id: str) -> Sequence[PushAddress]:
        return [self._addresses[key] for key in sorted(self._addresses) if key[0] == run_id]

    async def drop_push_addresses(self, run_id: str, address_id: str | None = None) -> None:
        for key in [key for key in self._addresses if key[0] == run_id and address_id in (None, key[1])]:
            del self._addresses[key]

    # What agents keep

    async def put_agent_state(self, state: AgentState, keep: int | None = None) -> None:
        kept = self._states.setdefault(_place(state.user, state.session_id, state.name), {})
        kept[state.number] = state
        for number in sorted(kept)[:-keep] if keep else ():
            del kept[number]

    async def agent_states(
        self, user: User, session_id: str, name: str, limit: int | None = None
    ) -> Sequence[AgentState]:
        kept = self._states.get(_place(user, session_id, name), {})
        return [kept[number] for number in sorted(kept)][-limit if limit else None :]

    async def drop_agent_states(self, user: User, session_id: str, name: str) -> None:
        self._states.pop(_place(user, session_id, name), None)

    async def agent_state_sessions(self, user: User, name: str) -> Sequence[str]:
        own = (user.tenant, user.id)
        return sorted(place[2] for place in self._states if place[:2] == own and place[3] == name)

    # What must happen once

    async def claim_deed(self, deed: Deed, now: datetime) -> Claim:
        self._deeds = {key: kept for key, kept in self._deeds.items() if kept.expires_at > now}
        found = self._deeds.get(deed.id)
        claim = Claim("new") if found is None else claim_of(found, now)
        if claim.state in {"new", "lost"}:
            self._deeds[deed.id] = deed
        return claim

    async def end_deed(self, deed_id: str, outcome: DeedOutcome, result: str = "") -> None:
        if found := self._deeds.get(deed_id):
            self._deeds[deed_id] = replace(found, status=outcome, result=result)

    # Ledger

    async def append_ledger(self, entry: LedgerEntry, seal: Callable[[LedgerEntry], str]) -> LedgerEntry:
        seq, previous = await self.ledger_head()
        entry = replace(entry, seq=seq + 1, previous=previous, seal="")
        entry = replace(entry, seal=seal(entry))
        self._ledger.append(entry)
        return entry

    async def ledger(self, after: int = 0, limit: int = 1000) -> Sequence[LedgerEntry]:
        return [entry for entry in self._ledger if entry.seq > after][:limit]

    async def ledger_head(self) -> tuple[int, str]:
        return (self._ledger[-1].seq, self._ledger[-1].seal) if self._ledger else (0, "")

    def _fenced(self, run_id: str, fence: int) -> Run:
        row = self._runs.get(run_id)
        if row is None or row.fence != fence:
            raise FencedError("another worker has taken this run since")
        return row


def _add(rows: dict[str, Kept], key: str, row: Kept) -> None:
    if key in rows:
        raise ConflictError("the row exists already, or its conversation is busy")
    rows[key] = row


def _same_person(one: User, other: User) -> bool:
    return (one.tenant, one.id) == (other.tenant, other.id)


def _held_by_another(row: Run, owner: str, now: datetime) -> bool:
    return row.lease_owner not in {"", owner} and row.lease_expires_at is not None and row.lease_expires_at > now


def _place(user: User, session_id: str, name: str) -> tuple[str, str, str, str]:
    return user.tenant, user.id, session_id, name
