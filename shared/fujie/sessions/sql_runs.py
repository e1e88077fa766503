"""Conversations, their runs, and what was said in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from fujie.identity.rows import User
from fujie.sessions.errors import ConflictError, FencedError
from fujie.sessions.groups import Append, Begin
from fujie.sessions.port import RunEnd
from fujie.sessions.rows import Conversation, Run, RunStatus
from fujie.sessions.sql_statements import Statements
from fujie.sessions.tables import CONVERSATIONS, RUN_EVENTS, RUNS, columns_from_row


class RunRows(Statements):
    """Rows of conversations, runs and their events; what runs write goes in groups."""

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


def _fenced(run_id: str, fence: int) -> sa.Update:
    return sa.update(RUNS).where(RUNS.c.id == run_id, RUNS.c.fence == fence)


def _touch_conversation(run: Run) -> sa.Update:
    table = CONVERSATIONS
    own = (table.c.id == run.conversation_id, table.c.tenant == run.user.tenant, table.c.user_id == run.user.id)
    return sa.update(table).where(*own).values(updated_at=run.created_at)


def _refuse_unless_one(rows: int) -> None:
    if rows != 1:
        raise FencedError("another worker has taken this run since")
