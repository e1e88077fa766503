import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import uuid

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from fujie.errors import SettingsError
from fujie.sessions.engine import engine_for
from fujie.sessions.errors import StoreUnavailableError
from fujie.sessions.migrate import MIGRATIONS, VERSION, migrate
from fujie.sessions.sql import SqlStore
from fujie.sessions.tables import METADATA, REVISION
from tests.sessions.rows import GRANT, NOW, SEALED


async def new_database(postgresql: str, name: str) -> str:
    engine = engine_for(postgresql.format(name="template1"))
    async with engine.connect() as connection:
        automatic = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await automatic.exec_driver_sql(f"CREATE DATABASE {name}")
    await engine.dispose()
    return postgresql.format(name=name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def fresh_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'fresh.db'}"
    return await new_database(request.getfixturevalue("postgresql"), f"fresh_{uuid.uuid4().hex}")


def test_the_code_asks_for_the_newest_migration():
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [REVISION]


async def run_every_migration(url):
    """Give Alembic its own, empty table first: a database that is not empty is migrated step by step."""
    engine = engine_for(url)
    async with engine.begin() as connection:
        await connection.run_sync(VERSION.create)
    await engine.dispose()
    await migrate(url)


@pytest.mark.parametrize("make", [migrate, run_every_migration], ids=["at-once", "step-by-step"])
async def test_migrations_make_exactly_the_tables_the_code_uses(fresh_url, make):
    await make(fresh_url)
    engine = engine_for(fresh_url)
    async with engine.connect() as connection:
        difference = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"compare_type": True}), METADATA)
        )
        versions = list(await connection.scalars(sa.select(VERSION.c.version_num)))
    await engine.dispose()
    assert difference == []
    assert versions == [REVISION]


async def test_tables_made_at_once_are_those_that_the_migrations_make_to_the_letter(tmp_path):
    schemas = []
    for name, make in (("at-once", migrate), ("step-by-step", run_every_migration)):
        file = tmp_path / f"{name}.db"
        await make(f"sqlite+aiosqlite:///{file}")
        with contextlib.closing(sqlite3.connect(file)) as database:
            rows = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        schemas.append({(kind, name): " ".join((sql or "").split()) for kind, name, sql in rows})
    assert schemas[0] == schemas[1]


async def test_an_up_to_date_database_is_left_alone_and_an_older_one_is_not(sqlite_url, monkeypatch):
    asked = []
    monkeypatch.setattr("fujie.sessions.migrate._run_migrations", asked.append)
    await migrate(sqlite_url)
    assert asked == []
    engine = engine_for(sqlite_url)
    async with engine.begin() as connection:
        await connection.execute(sa.update(VERSION).values(version_num="0000"))
    await engine.dispose()
    await migrate(sqlite_url)
    assert len(asked) == 1


async def at_revision(url, revision):
    """Bring an empty database to a release of the past."""

    def upgrade(connection):
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.upgrade(config, revision)

    engine = engine_for(url)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


@pytest.mark.parametrize("revision", ["0002", "0003"])
async def test_a_database_of_an_older_release_gets_what_is_new_and_keeps_its_rows(fresh_url, revision):
    await at_revision(fresh_url, revision)
    store = SqlStore(fresh_url)
    await store.give_grant(GRANT, revives=True)
    await migrate(fresh_url)
    await store.open()
    assert await store.grant(GRANT.user, GRANT.provider) == GRANT
    await store.keep_credential(SEALED, NOW, 10)
    assert await store.kept_credential(SEALED.key_hash) == SEALED
    await store.close()


async def test_a_release_goes_on_with_the_database_of_the_next_one(sqlite_url):
    store = SqlStore(sqlite_url)
    async with store._engine.begin() as connection:
        await connection.execute(sa.update(VERSION).values(version_num="0099"))
    await store.open()
    await store.close()


async def test_a_database_with_a_migration_that_we_do_not_know_is_refused(sqlite_url):
    engine = engine_for(sqlite_url)
    async with engine.begin() as connection:
        await connection.execute(sa.update(VERSION).values(version_num="9999"))
    await engine.dispose()
    with pytest.raises(StoreUnavailableError, match="could not be migrated"):
        await migrate(sqlite_url)


async def test_four_processes_that_start_at_once_migrate_once(fresh_url):
    environ = os.environ | {"FUJIE_DATABASE_URL": fresh_url}
    command = [sys.executable, "-m", "fujie.sessions.migrate"]
    starting = [subprocess.Popen(command, env=environ) for _ in range(4)]
    assert [await asyncio.to_thread(process.wait, 60) for process in starting] == [0, 0, 0, 0]
    store = SqlStore(fresh_url)
    await store.open()
    await store.close()


async def test_a_store_refuses_a_database_that_was_not_migrated_and_says_what_to_do(fresh_url):
    store = SqlStore(fresh_url)
    with pytest.raises(StoreUnavailableError) as refused:
        await store.open()
    await store.close()
    assert "migrate" in refused.value.repair


async def test_sqlite_writes_ahead_and_enforces_foreign_keys(sqlite_url):
    engine = engine_for(sqlite_url)
    async with engine.connect() as connection:
        pragmas = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        ]
    await engine.dispose()
    assert pragmas == ["wal", 1, 10000]


async def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "broken.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreUnavailableError):
        await migrate(f"sqlite+aiosqlite:///{tmp_path / 'broken.db'}")


@pytest.mark.parametrize(
    "url", ["", "hunter2", "mysql://root:hunter2@host/x", "sqlite://", "sqlite+aiosqlite:///:memory:"]
)
def test_an_address_that_is_none_of_ours_is_refused_without_repeating_it(url):
    with pytest.raises(SettingsError) as refused:
        SqlStore(url)
    assert "hunter2" not in f"{refused.value} {refused.value.repair}"


async def test_a_database_that_is_away_is_unavailable(tmp_path):
    store = SqlStore(f"postgresql+asyncpg://u:hunter2@/x?host={tmp_path}")
    with pytest.raises(StoreUnavailableError) as refused:
        await store.run("run-1")
    await store.close()
    assert "hunter2" not in str(refused.value)
