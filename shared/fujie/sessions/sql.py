"""The store in SQL: SQLite (WAL) on one machine, PostgreSQL everywhere else.

What must happen once happens in one statement (DELETE or UPDATE ... RETURNING with its condition), so that two
workers racing for it need no lock of ours. Transactions that write begin with a write: SQLite then waits for the
writer before it instead of failing on a stale snapshot.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

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
from fujie.sessions.engine import engine_for
from fujie.sessions.errors import ConflictError, FencedError, StoreError, StoreUnavailableError
from fujie.sessions.group_writers import EngineWriter, SqliteWriter
from fujie.sessions.groups import Append, Begin, Groups
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
from fujie.sessions.tables import (
    AGENT_STATES,
    BROWSER_SESSIONS,
    CONSENTS,
    CONVERSATIONS,
    DEEDS,
    DELEGATIONS,
    GRANTS,
    LEDGER,
    LEDGER_HEAD,
    LOGIN_ATTEMPTS,
    PUSH_ADDRESSES,
    REVISION,
    RUN_EVENTS,
    RUNS,
    SHARED_CREDENTIALS,
    SPENT_TOKENS,
    Row,
    RowType,
    columns_from_row,
    row_from_columns,
)


class SqlStore(Store):
    """State in a database that `migrate` has prepared.

    `database_url` is SQLAlchemy's: `sqlite+aiosqlite:///path` or `postgresql+asyncpg://user@host/name`.
    """

    def __init__(self, database_url: str) -> None:
        self._engine = engine_for(database_url)
        url, is_sqlite = self._engine.url, self._engine.dialect.name == "sqlite"
        self._writer = SqliteWriter(url.database or "") if is_sqlite else EngineWriter(self._transaction)
        self._groups = Groups(self._writer.write, keeps_offset=not is_sqlite)

    async def open(self) -> None:
        """Check that the database answers and is migrated; raises StoreUnavailableError with the repair."""
        repair = "migrate it: FUJIE_DATABASE_URL=... python -m fujie.sessions.migrate"
        try:
            async with self._transaction() as connection:
                found = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        except StoreError as error:
            raise StoreUnavailableError("the database does not answer or has no tables", repair=repair) from error
        if found is None or found < REVISION:
            raise StoreUnavailableError(f"the database is at migration {found}, {REVISION} is needed", repair=repair)

    async def close(self) -> None:
        await self._groups.close()
        await self._writer.close()
        await self._engine.dispose()

    # Sign-in

    async def add_login_attempt(self, attempt: LoginAttempt) -> None:
        await self._insert(LOGIN_ATTEMPTS, attempt)

    async def take_login_attempt(self, state_hash: str) -> LoginAttempt | None:
        taken = sa.delete(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.state_hash == state_hash).returning(*LOGIN_ATTEMPTS.c)
        return await self._one(LoginAttempt, taken)

    async def forget_login_attempts(self, now: datetime) -> None:
        await self._write(sa.delete(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.expires_at <= now))

    async def add_browser_session(self, session: BrowserSession) -> None:
        await self._insert(BROWSER_SESSIONS, session)

    async def browser_session(self, id_hash: str) -> BrowserSession | None:
        return await self._one(BrowserSession, sa.select(BROWSER_SESSIONS).where(BROWSER_SESSIONS.c.id_hash == id_hash))

    async def touch_browser_session(self, id_hash: str, idle_expires_at: datetime) -> None:
        where = BROWSER_SESSIONS.c.id_hash == id_hash
        await self._write(sa.update(BROWSER_SESSIONS).where(where).values(idle_expires_at=idle_expires_at))

    async def delete_browser_session(self, id_hash: str) -> None:
        await self._write(sa.delete(BROWSER_SESSIONS).where(BROWSER_SESSIONS.c.id_hash == id_hash))

    # Delegations

    async def add_delegation(self, delegation: Delegation) -> Delegation:
        try:
            await self._insert(DELEGATIONS, delegation)
        except ConflictError:
            return await self.delegation(delegation.id) or delegation
        return delegation

    async def delegation(self, delegation_id: str) -> Delegation | None:
        return await self._one(Delegation, sa.select(DELEGATIONS).where(DELEGATIONS.c.id == delegation_id))

    async def reseal_delegation(self, delegation_id: str, sealed: str, expires_at: datetime) -> None:
        await self._write(_standing(delegation_id).values(sealed=sealed, expires_at=expires_at))

    async def withdraw_delegation(self, delegation_id: str, at: datetime) -> None:
        await self._write(_standing(delegation_id).values(withdrawn_at=at))

    async def forget_ended_sign_ins(self, before: datetime, limit: int) -> None:
        over = sa.select(BROWSER_SESSIONS.c.id_hash).where(BROWSER_SESSIONS.c.idle_expires_at <= before).limit(limit)
        await self._write(sa.delete(BROWSER_SESSIONS).where(BROWSER_SESSIONS.c.id_hash.in_(over)))
        signed_in = sa.exists().where(BROWSER_SESSIONS.c.id_hash == DELEGATIONS.c.session_hash)
        ended = sa.select(DELEGATIONS.c.id).where(DELEGATIONS.c.expires_at <= before, ~signed_in).limit(limit)
        await self._write(sa.delete(DELEGATIONS).where(DELEGATIONS.c.id.in_(ended)))

    # Conversations and runs

    async def add_conversation(self, conversation: Conversation) -> None:
        await self._insert(CONVERSATIONS, conversation)

    async def conversation(self, conversation_id: str) -> Conversation | None:
        return await self._one(Conversation, sa.select(CONVERSATIONS).where(CONVERSATIONS.c.id == conversation_id))

    async def conversations(self, user: User, limit: int = 50) -> Sequence[Conversation]:
        table = CONVERSATIONS
        own = sa.select(table).where(table.c.tenant == user.tenant, table.c.user_id == user.id)
        return await self._all(Conversation, own.order_by(table.c.updated_at.desc(), table.c.id).limit(limit))

    async def add_run(self, run: Run) -> None:
        async with self._transaction() as connection:
            touched = await connection.execute(_touch_conversation(run))
            if touched.rowcount != 1:
                raise ConflictError("the conversation of this run does not exist for its user")
            await connection.execute(sa.insert(RUNS).values(columns_from_row(run)))

    async def begin_run(self, run: Run, title: str) -> None:
        await self._groups.add(Begin(run, title))

    async def run(self, run_id: str) -> Run | None:
        return await self._one(Run, sa.select(RUNS).where(RUNS.c.id == run_id))

    async def runs(self, conversation_id: str) -> Sequence[Run]:
        of_conversation = sa.select(RUNS).where(RUNS.c.conversation_id == conversation_id)
        return await self._all(Run, of_conversation.order_by(RUNS.c.created_at, RUNS.c.id))

    async def runs_of(self, user: User, limit: int = 500) -> Sequence[Run]:
        own = sa.select(RUNS).where(RUNS.c.tenant == user.tenant, RUNS.c.user_id == user.id)
        return await self._all(Run, own.order_by(RUNS.c.updated_at.desc(), RUNS.c.id).limit(limit))

    async def lease_run(
        self, run_id: str, owner: str, now: datetime, until: datetime, expected: Sequence[RunStatus]
    ) -> Run | None:
        free = sa.or_(
            RUNS.c.lease_owner.in_(("", owner)), RUNS.c.lease_expires_at.is_(None), RUNS.c.lease_expires_at <= now
        )
        leased = (
            sa.update(RUNS)
            .where(RUNS.c.id == run_id, RUNS.c.status.in_(expected), free)
            .values(status="running", fence=RUNS.c.fence + 1, lease_owner=owner, lease_expires_at=until, updated_at=now)
            .returning(*RUNS.c)
        )
        return await self._one(Run, leased)

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
        changed: dict[str, Any] = {"history": history, "pending": pending, "error": error}
        changed |= {"lease_expires_at": lease_expires_at}
        values = {name: value for name, value in changed.items() if value is not None}
        if status != "running":
            values |= {"lease_owner": "", "lease_expires_at": None}
        written = await self._write(_fenced(run_id, fence).values(status=status, updated_at=now, **values))
        _refuse_unless_one(written)

    async def append_events(
        self, run_id: str, fence: int, first_seq: int, events: Sequence[str], end: RunEnd | None = None
    ) -> None:
        await self._groups.add(Append(run_id, fence, first_seq, events, end))

    async def events(self, run_id: str, after: int = -1) -> Sequence[tuple[int, str]]:
        table = RUN_EVENTS
        later = sa.select(table.c.seq, table.c.body).where(table.c.run_id == run_id, table.c.seq > after)
        async with self._transaction() as connection:
            found = await connection.execute(later.order_by(table.c.seq))
            return [(seq, body) for seq, body in found]

    # Consents

    async def add_consent(self, consent: Consent) -> None:
        await self._insert(CONSENTS, consent)

    async def consent(self, consent_id: str) -> Consent | None:
        return await self._one(Consent, sa.select(CONSENTS).where(CONSENTS.c.id == consent_id))

    async def consent_by_state(self, state_hash: str) -> Consent | None:
        return await self._one(Consent, sa.select(CONSENTS).where(CONSENTS.c.state_hash == state_hash))

    async def open_consents(self, run_id: str) -> Sequence[Consent]:
        still_open = sa.select(CONSENTS).where(CONSENTS.c.run_id == run_id, CONSENTS.c.status.in_(OPEN_CONSENT))
        return await self._all(Consent, still_open.order_by(CONSENTS.c.created_at, CONSENTS.c.id))

    async def open_consents_of(self, user: User, provider: str) -> Sequence[Consent]:
        own = (CONSENTS.c.tenant == user.tenant, CONSENTS.c.user_id == user.id, CONSENTS.c.provider == provider)
        still_open = sa.select(CONSENTS).where(*own, CONSENTS.c.status.in_(OPEN_CONSENT))
        return await self._all(Consent, still_open.order_by(CONSENTS.c.created_at, CONSENTS.c.id))

    async def expired_consents(self, now: datetime, limit: int = 100) -> Sequence[Consent]:
        over = sa.select(CONSENTS).where(CONSENTS.c.status.in_(OPEN_CONSENT), CONSENTS.c.expires_at <= now)
        return await self._all(Consent, over.order_by(CONSENTS.c.expires_at, CONSENTS.c.id).limit(limit))

    async def move_consent(
        self,
        consent_id: str,
        expected: Sequence[ConsentStatus],
        status: ConsentStatus,
        *,
        bound_session_hash: str | None = None,
        expires_at: datetime | None = None,
    ) -> Consent | None:
        changed = {"status": status, "bound_session_hash": bound_session_hash, "expires_at": expires_at}
        values = {name: value for name, value in changed.items() if value is not None}
        where = (CONSENTS.c.id == consent_id, CONSENTS.c.status.in_(expected))
        return await self._one(Consent, sa.update(CONSENTS).where(*where).values(values).returning(*CONSENTS.c))

    # Grants

    async def give_grant(self, grant: Grant, *, revives: bool) -> None:
        try:
            await self._give_grant(grant, revives=revives)
        except ConflictError:  # another writer put the row in between our look and our insert
            await self._give_grant(grant, revives=revives)

    async def _give_grant(self, grant: Grant, *, revives: bool) -> None:
        values = columns_from_row(grant)
        changed = {name: values[name] for name in ("scopes", "words", "granted_at")} | {"withdrawn_at": None}
        withdrawn = GRANTS.c.withdrawn_at.is_not(None)
        kept = (
            changed
            if revives
            else {name: sa.case((withdrawn, GRANTS.c[name]), else_=new) for name, new in changed.items()}
        )
        async with self._transaction() as connection:
            written = await connection.execute(
                sa.update(GRANTS).where(*_grant_of(grant.user, grant.provider)).values(kept)
            )
            if written.rowcount == 0:
                await connection.execute(sa.insert(GRANTS).values(values))

    async def grant(self, user: User, provider: str) -> Grant | None:
        return await self._one(Grant, sa.select(GRANTS).where(*_grant_of(user, provider)))

    async def grants(self, user: User) -> Sequence[Grant]:
        own = (GRANTS.c.tenant == user.tenant, GRANTS.c.user_id == user.id, GRANTS.c.withdrawn_at.is_(None))
        return await self._all(Grant, sa.select(GRANTS).where(*own).order_by(GRANTS.c.provider))

    async def touch_grant(self, grant_id: str, at: datetime) -> None:
        await self._write(sa.update(GRANTS).where(GRANTS.c.id == grant_id).values(last_used_at=at))

    async def withdraw_grant(self, grant_id: str, user: User, at: datetime) -> Grant | None:
        own = (GRANTS.c.id == grant_id, GRANTS.c.tenant == user.tenant, GRANTS.c.user_id == user.id)
        changed = {"withdrawn_at": at, "generation": GRANTS.c.generation + 1}
        withdrawn = sa.update(GRANTS).where(*own, GRANTS.c.withdrawn_at.is_(None)).values(changed)
        return await self._one(Grant, withdrawn.returning(*GRANTS.c))

    # Internal tokens

    async def spend_token(self, token_id: str, now: datetime, expires_at: datetime) -> bool:
        try:
            async with self._transaction() as connection:
                await connection.execute(sa.delete(SPENT_TOKENS).where(SPENT_TOKENS.c.expires_at <= now))
                await connection.execute(sa.insert(SPENT_TOKENS).values(id=token_id, expires_at=expires_at))
        except ConflictError:
            return False
        return True

    # Credentials that instances share

    async def keep_credential(self, row: SealedCredential, now: datetime, limit: int) -> None:
        table = SHARED_CREDENTIALS
        last_to_end = sa.select(table.c.key_hash).order_by(table.c.expires_at.desc(), table.c.key_hash).limit(limit)
        try:
            async with self._transaction() as connection:
                going = sa.or_(table.c.expires_at <= now, table.c.key_hash == row.key_hash)
                await connection.execute(sa.delete(table).where(going))
                await connection.execute(sa.insert(table).values(columns_from_row(row)))
                await connection.execute(sa.delete(table).where(table.c.key_hash.not_in(last_to_end)))
        except ConflictError:
            return  # another instance kept it at the same moment

    async def kept_credential(self, key_hash: str) -> SealedCredential | None:
        table = SHARED_CREDENTIALS
        return await self._one(SealedCredential, sa.select(table).where(table.c.key_hash == key_hash))

    async def drop_credential(self, key_hash: str) -> None:
        table = SHARED_CREDENTIALS
        await self._write(sa.delete(table).where(table.c.key_hash == key_hash))

    # Who hears how a run goes

    async def put_push_address(self, address: PushAddress) -> None:
        table = PUSH_ADDRESSES
        async with self._transaction() as connection:
            await connection.execute(sa.delete(table).where(*_push_addresses(address.run_id, address.id)))
            await connection.execute(sa.insert(table).values(columns_from_row(address)))

    async def push_addresses(self, run_id: str) -> Sequence[PushAddress]:
        table = PUSH_ADDRESSES
        return await self._all(PushAddress, sa.select(table).where(*_push_addresses(run_id)).order_by(table.c.id))

    async def drop_push_addresses(self, run_id: str, address_id: str | None = None) -> None:
        await self._write(sa.delete(PUSH_ADDRESSES).where(*_push_addresses(run_id, address_id)))

    # What agents keep

    async def put_agent_state(self, state: AgentState, keep: int | None = None) -> None:
        table, own = AGENT_STATES, _agent_states(state.user, state.session_id, state.name)
        async with self._transaction() as connection:
            await connection.execute(sa.delete(table).where(*own, table.c.number == state.number))
            await connection.execute(sa.insert(table).values(columns_from_row(state)))
            if keep:
                numbers = sa.select(table.c.number).where(*own).order_by(table.c.number.desc()).limit(keep)
                oldest = await connection.scalar(sa.select(sa.func.min(numbers.subquery().c.number)))
                await connection.execute(sa.delete(table).where(*own, table.c.number < oldest))

    async def agent_states(
        self, user: User, session_id: str, name: str, limit: int | None = None
    ) -> Sequence[AgentState]:
        own = _agent_states(user, session_id, name)
        newest = sa.select(AGENT_STATES).where(*own).order_by(AGENT_STATES.c.number.desc()).limit(limit)
        return (await self._all(AgentState, newest))[::-1]

    async def drop_agent_states(self, user: User, session_id: str, name: str) -> None:
        await self._write(sa.delete(AGENT_STATES).where(*_agent_states(user, session_id, name)))

    async def agent_state_sessions(self, user: User, name: str) -> Sequence[str]:
        table = AGENT_STATES
        own = (table.c.tenant == user.tenant, table.c.user_id == user.id, table.c.name == name)
        statement = sa.select(table.c.session_id).where(*own).distinct().order_by(table.c.session_id)
        async with self._transaction() as connection:
            return list(await connection.scalars(statement))

    # What must happen once

    async def claim_deed(self, deed: Deed, now: datetime) -> Claim:
        table = DEEDS
        try:
            async with self._transaction() as connection:
                await connection.execute(sa.delete(table).where(table.c.expires_at <= now))
                await connection.execute(sa.insert(table).values(columns_from_row(deed)))
            return Claim("new")
        except ConflictError:
            found = await self._one(Deed, sa.select(table).where(table.c.id == deed.id))
        claim = Claim("held") if found is None else claim_of(found, now)
        if found is None or claim.state not in {"new", "lost"}:
            return claim
        as_found = (table.c.id == deed.id, table.c.status == found.status, table.c.held_until == found.held_until)
        taken = await self._write(sa.update(table).where(*as_found).values(columns_from_row(deed)))
        return claim if taken else Claim("held")

    async def end_deed(self, deed_id: str, outcome: DeedOutcome, result: str = "") -> None:
        await self._write(sa.update(DEEDS).where(DEEDS.c.id == deed_id).values(status=outcome, result=result))

    # Ledger

    async def append_ledger(self, entry: LedgerEntry, seal: Callable[[LedgerEntry], str]) -> LedgerEntry:
        try:
            return await self._append_ledger(entry, seal)
        except ConflictError:  # two writers found an empty ledger at once
            return await self._append_ledger(entry, seal)

    async def _append_ledger(self, entry: LedgerEntry, seal: Callable[[LedgerEntry], str]) -> LedgerEntry:
        table = LEDGER_HEAD
        async with self._transaction() as connection:
            # The write comes first and takes the row's lock: the next writer waits here until this one is done.
            next_one = sa.update(table).values(seq=table.c.seq + 1).returning(table.c.seq, table.c.seal)
            found = (await connection.execute(next_one)).one_or_none()
            if found is None:
                await connection.execute(sa.insert(table).values(id="ledger", seq=1, seal=""))
            seq, previous = found or (1, "")
            entry = replace(entry, seq=seq, previous=previous, seal="")
            entry = replace(entry, seal=seal(entry))
            await connection.execute(sa.insert(LEDGER).values(columns_from_row(entry)))
            await connection.execute(sa.update(table).values(seal=entry.seal))
        return entry

    async def ledger(self, after: int = 0, limit: int = 1000) -> Sequence[LedgerEntry]:
        return await self._all(
            LedgerEntry, sa.select(LEDGER).where(LEDGER.c.seq > after).order_by(LEDGER.c.seq).limit(limit)
        )

    async def ledger_head(self) -> tuple[int, str]:
        async with self._transaction() as connection:
            found = (await connection.execute(sa.select(LEDGER_HEAD.c.seq, LEDGER_HEAD.c.seal))).one_or_none()
        return (0, "") if found is None else (found.seq, found.seal)

    # Statements

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, whose database errors leave as errors of the port; their text stays in the cause."""
        try:
            async with self._engine.begin() as connection:
                yield connection
        except sa.exc.IntegrityError as error:
            raise ConflictError("the row exists already, or its conversation is busy") from error
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, OSError) as error:
            raise StoreUnavailableError("the database does not answer", repair="try again") from error
        except sa.exc.DBAPIError as error:
            raise StoreError("the database refused the statement") from error

    async def _insert(self, table: sa.Table, row: Row) -> None:
        await self._write(sa.insert(table).values(columns_from_row(row)))

    async def _write(self, statement: sa.Executable) -> int:
        async with self._transaction() as connection:
            return (await connection.execute(statement)).rowcount

    async def _one(self, kind: type[RowType], statement: sa.Executable) -> RowType | None:
        async with self._transaction() as connection:
            found = (await connection.execute(statement)).mappings().one_or_none()
        return None if found is None else row_from_columns(kind, found)

    async def _all(self, kind: type[RowType], statement: sa.Executable) -> list[RowType]:
        async with self._transaction() as connection:
            found = (await connection.execute(statement)).mappings().all()
        return [row_from_columns(kind, columns) for columns in found]


def _standing(delegation_id: str) -> sa.Update:
    return sa.update(DELEGATIONS).where(DELEGATIONS.c.id == delegation_id, DELEGATIONS.c.withdrawn_at.is_(None))


def _grant_of(user: User, provider: str) -> tuple[sa.ColumnElement[bool], ...]:
    return GRANTS.c.tenant == user.tenant, GRANTS.c.user_id == user.id, GRANTS.c.provider == provider


def _push_addresses(run_id: str, address_id: str | None = None) -> list[sa.ColumnElement[bool]]:
    of_run = [PUSH_ADDRESSES.c.run_id == run_id]
    return of_run if address_id is None else [*of_run, PUSH_ADDRESSES.c.id == address_id]


def _agent_states(user: User, session_id: str, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    table = AGENT_STATES
    own = (table.c.tenant == user.tenant, table.c.user_id == user.id)
    return *own, table.c.session_id == session_id, table.c.name == name


def _fenced(run_id: str, fence: int) -> sa.Update:
    return sa.update(RUNS).where(RUNS.c.id == run_id, RUNS.c.fence == fence)


def _touch_conversation(run: Run) -> sa.Update:
    table = CONVERSATIONS
    own = (table.c.id == run.conversation_id, table.c.tenant == run.user.tenant, table.c.user_id == run.user.id)
    return sa.update(table).where(*own).values(updated_at=run.created_at)


def _refuse_unless_one(rows: int) -> None:
    if rows != 1:
        raise FencedError("another worker has taken this run since")
