"""How a group of runs is written: over the engine, or to a file of SQLite's in one visit to a thread."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from fujie.sessions.engine import SQLITE_PRAGMAS, WAIT_S
from fujie.sessions.errors import ConflictError, StoreError, StoreUnavailableError
from fujie.sessions.group_statements import statements
from fujie.sessions.groups import Rows, Taken


class EngineWriter:
    """Writes over a connection of the engine's."""

    def __init__(self, transaction: Callable[[], AbstractAsyncContextManager[AsyncConnection]]) -> None:
        self._transaction = transaction
        self._said = statements("postgresql")

    async def write(self, rows: Rows) -> Taken:
        """Write all in one transaction. Raises StoreError."""
        said, begun, held = self._said, set[str](), set[str]()
        async with self._transaction() as connection:
            if rows.runs:
                await connection.execute(sa.text(said.conversations), {"rows": rows.conversations})
                begun.update(await connection.scalars(sa.text(said.runs), {"rows": rows.runs}))
            if rows.holds:
                held.update(await connection.scalars(sa.text(said.holds), {"rows": rows.holds}))
            if events := [_event_row(row) for row in rows.events if row[0] in held]:
                await connection.execute(sa.text(said.events), {"rows": f"[{','.join(events)}]"})
        return begun, held

    async def close(self) -> None:
        """The engine is its owner's to close."""


class SqliteWriter:
    """Writes over a connection of its own, in a thread of its own: six statements cost one change of threads."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._said = statements("sqlite")
        self._thread = ThreadPoolExecutor(1, "fujie-group-writer")
        self._connection: sqlite3.Connection | None = None

    async def write(self, rows: Rows) -> Taken:
        """Write all in one transaction. Raises StoreError."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._write, rows)
        except sqlite3.IntegrityError as error:
            raise ConflictError("the row exists already, or its conversation is busy") from error
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError("the database does not answer", repair="try again") from error
        except sqlite3.Error as error:
            raise StoreError("the database refused the statement") from error

    async def close(self) -> None:
        """Close the connection."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _write(self, rows: Rows) -> Taken:
        said, begun, held = self._said, set[str](), set[str]()
        run = self._opened().execute
        run("BEGIN IMMEDIATE")
        try:
            if rows.runs:
                run(said.conversations, {"rows": rows.conversations})
                begun.update(id_ for (id_,) in run(said.runs, {"rows": rows.runs}).fetchall())
            if rows.holds:
                held.update(id_ for (id_,) in run(said.holds, {"rows": rows.holds}).fetchall())
            for run_id, first, bodies in rows.events:
                if run_id in held:
                    run(said.events, {"run_id": run_id, "first": first, "bodies": bodies})
            run("COMMIT")
        except BaseException:
            if self._opened().in_transaction:
                run("ROLLBACK")
            raise
        return begun, held

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None)
            for pragma in SQLITE_PRAGMAS:
                self._connection.execute(pragma)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _event_row(row: tuple[str, int, str]) -> str:
    run_id, first, bodies = row
    return f'{{"run_id":{json.dumps(run_id)},"first":{first},"bodies":{bodies}}}'
