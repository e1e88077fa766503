"""The store in SQL: SQLite (WAL) on one machine, PostgreSQL everywhere else.

What must happen once happens in one statement (DELETE or UPDATE ... RETURNING with its condition), so that two
workers racing for it need no lock of ours. Transactions that write begin with a write: SQLite then waits for the
writer before it instead of failing on a stale snapshot.
"""

import sqlalchemy as sa

from fujie.sessions.errors import StoreError, StoreUnavailableError
from fujie.sessions.port import Store
from fujie.sessions.sql_agents import AgentRows
from fujie.sessions.sql_consents import ConsentRows
from fujie.sessions.sql_records import RecordRows
from fujie.sessions.sql_runs import RunRows
from fujie.sessions.sql_sign_ins import SignInRows
from fujie.sessions.tables import REVISION


class SqlStore(SignInRows, RunRows, ConsentRows, AgentRows, RecordRows, Store):
    """State in a database that `migrate` has prepared.

    `database_url` is SQLAlchemy's: `sqlite+aiosqlite:///path` or `postgresql+asyncpg://user@host/name`.
    """

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
