"""Database engines with the limits that both databases need: bounded waits, checked connections."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fujie.errors import SettingsError

WAIT_S = 10
"""How long a statement, a lock or a connection may keep a request waiting."""
RECYCLE_S = 300
"""An instance frozen between requests wakes with dead connections; older ones are not tried again."""
NAMES = ("sqlite+aiosqlite:///", "postgresql+asyncpg://")
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


def engine_for(database_url: str) -> AsyncEngine:
    """Return an engine for SQLite or PostgreSQL; raises SettingsError for any other address, never showing it."""
    url = _checked(database_url)
    if url.drivername == DRIVERS["sqlite"]:
        engine = create_async_engine(url, connect_args={"timeout": WAIT_S}, hide_parameters=True)
        sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        return engine
    wait: dict[str, Any] = {"timeout": WAIT_S, "command_timeout": WAIT_S}
    return create_async_engine(
        url, connect_args=wait, pool_size=5, max_overflow=5, pool_timeout=WAIT_S, pool_pre_ping=True,
        pool_recycle=RECYCLE_S, hide_parameters=True,
    )  # fmt: skip


def _checked(database_url: str) -> sa.URL:
    try:
        url = sa.make_url(database_url)
    except sa.exc.ArgumentError:
        # The cause is dropped on purpose: its text repeats the address, which may hold a password.
        raise SettingsError("the database url is not one", repair=f"begin it with {' or '.join(NAMES)}") from None
    driver = DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise SettingsError(f"databases are SQLite or PostgreSQL, not {url.get_backend_name()}")
    if driver == DRIVERS["sqlite"] and url.database in {None, "", ":memory:"}:
        raise SettingsError("SQLite needs a file", repair="use MemoryStore for state that no other process sees")
    return url.set(drivername=driver)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


SQLITE_PRAGMAS = (
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={WAIT_S * 1000}",
    # With WAL this loses nothing when a process dies; only a power cut may take the last moments.
    "PRAGMA synchronous=NORMAL",
)
