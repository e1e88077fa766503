"""Statements as the parts of the store run them: in a transaction, with errors that are the port's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from fujie.sessions.engine import engine_for
from fujie.sessions.errors import ConflictError, StoreError, StoreUnavailableError
from fujie.sessions.group_writers import EngineWriter, SqliteWriter
from fujie.sessions.groups import Groups
from fujie.sessions.tables import Row, RowType, columns_from_row, row_from_columns


class Statements:
    """A database; `database_url` is SQLAlchemy's."""

    def __init__(self, database_url: str) -> None:
        self._engine = engine_for(database_url)
        url, is_sqlite = self._engine.url, self._engine.dialect.name == "sqlite"
        self._writer = SqliteWriter(url.database or "") if is_sqlite else EngineWriter(self._transaction)
        self._groups = Groups(self._writer.write, keeps_offset=not is_sqlite)

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
