"""Bring a database to the newest migration; safe when several processes start at once.

An empty database gets its tables from their definitions, which a test holds equal to what the migrations make;
one that is up to date is left alone. Alembic, which costs half a second to import, steps in only where it is needed.

A deploy step by itself: `python -m fujie.sessions.migrate` takes the address from FUJIE_DATABASE_URL.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fujie.sessions.engine import engine_for
from fujie.sessions.errors import StoreUnavailableError
from fujie.sessions.tables import METADATA, REVISION
from fujie.settings import settings_from_environ

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_KEY = 0x66756A6965
"""PostgreSQL's advisory lock number for this: "fujie" in ASCII."""
VERSION = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as Alembic makes it."""


async def migrate(database_url: str) -> None:
    """Bring the database at this address to the newest migration, all or nothing.

    Raises StoreUnavailableError when it does not answer or its migrations are not ours.
    """
    engine = engine_for(database_url)
    try:
        if engine.dialect.name == "sqlite":
            await _migrate_sqlite(engine)
        else:
            await _migrate_postgresql(engine)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise _not_migrated() from error
    finally:
        await engine.dispose()


async def _migrate_postgresql(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))
        await connection.run_sync(_upgrade)


async def _migrate_sqlite(engine: AsyncEngine) -> None:
    sa.event.listen(engine.sync_engine, "connect", _leave_transactions_to_us)
    database = Path(engine.url.database or "")
    async with _file_lock(database.with_name(f"{database.name}.migrating")), engine.connect() as connection:
        await _in_immediate_transaction(connection)


async def _in_immediate_transaction(connection: AsyncConnection) -> None:
    # Kept by the file from now on; SQLite refuses the switch inside a transaction.
    await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    await connection.exec_driver_sql("BEGIN IMMEDIATE")
    await connection.run_sync(_upgrade)
    await connection.commit()


def _leave_transactions_to_us(connection: object, _record: object) -> None:
    # Python's driver would otherwise commit each table by itself, and a kill would leave half of them.
    connection.isolation_level = None  # type: ignore[attr-defined]


def _upgrade(connection: sa.Connection) -> None:
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        METADATA.create_all(connection)
        VERSION.create(connection)
        connection.execute(sa.insert(VERSION).values(version_num=REVISION))
    elif VERSION.name not in tables or list(connection.scalars(sa.select(VERSION.c.version_num))) != [REVISION]:
        _run_migrations(connection)


def _run_migrations(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise _not_migrated() from error


def _not_migrated() -> StoreUnavailableError:
    repair = "check its address, that it answers, and that it is ours"
    return StoreUnavailableError("the database could not be migrated", repair=repair)


@asynccontextmanager
async def _file_lock(path: Path) -> AsyncIterator[None]:
    """Hold a lock beside the database: the switch to WAL does not wait for others by itself."""
    with await asyncio.to_thread(path.open, "w") as held:
        await asyncio.to_thread(fcntl.flock, held, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    asyncio.run(migrate(settings_from_environ().database_url))
