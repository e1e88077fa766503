"""What agents keep, and who hears how their runs go."""

from collections.abc import Sequence

import sqlalchemy as sa

from fujie.identity.rows import User
from fujie.sessions.rows import AgentState, PushAddress
from fujie.sessions.sql_statements import Statements
from fujie.sessions.tables import AGENT_STATES, PUSH_ADDRESSES, columns_from_row


class AgentRows(Statements):
    """Rows of agents' states and of push addresses."""

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


def _push_addresses(run_id: str, address_id: str | None = None) -> list[sa.ColumnElement[bool]]:
    of_run = [PUSH_ADDRESSES.c.run_id == run_id]
    return of_run if address_id is None else [*of_run, PUSH_ADDRESSES.c.id == address_id]


def _agent_states(user: User, session_id: str, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    table = AGENT_STATES
    own = (table.c.tenant == user.tenant, table.c.user_id == user.id)
    return *own, table.c.session_id == session_id, table.c.name == name
