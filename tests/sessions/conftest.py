"""A PostgreSQL server of the tests' own, and databases that are migrated once and emptied for each test."""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fujie.sessions.memory import MemoryStore
from fujie.sessions.migrate import migrate
from fujie.sessions.sql import SqlStore
from fujie.sessions.tables import METADATA


def program(name: str) -> str:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(installed[-1]) if installed else shutil.which(name) or ""


def as_postgres(*command: str) -> None:
    """Run one of PostgreSQL's programs, which refuse to be root."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*prefix, *command], check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=60)


def migrate_apart(url: str) -> None:
    """Migrate in a thread: a session's fixture may be asked for while a test's loop runs."""
    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, migrate(url)).result(60)


@pytest.fixture(scope="session")
def postgresql():
    """The address of a running server, without a database's name."""
    if not (program("initdb") and program("pg_ctl")):
        if os.environ.get("FUJIE_TESTS_REQUIRE_ALL"):
            pytest.fail("PostgreSQL's server program is required and missing: apt install postgresql")
        pytest.skip("PostgreSQL's server program is missing")
    home = Path(tempfile.mkdtemp(prefix="fujie-pg-"))
    if os.geteuid() == 0:
        postgres = pwd.getpwnam("postgres")
        os.chown(home, postgres.pw_uid, postgres.pw_gid)
    data = str(home / "data")
    as_postgres(program("initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8")
    options = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off -c max_connections=60"
    as_postgres(program("pg_ctl"), "-D", data, "-l", str(home / "log"), "-o", options, "-w", "start")
    try:
        yield f"postgresql+asyncpg://postgres@/{{name}}?host={home}"
    finally:
        as_postgres(program("pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_url(postgresql):
    url = postgresql.format(name="postgres")
    migrate_apart(url)
    return url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate_apart(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(migrated_file, tmp_path):
    shutil.copy(migrated_file, tmp_path / "fujie.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'fujie.db'}"


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def rivals(request):
    """Two stores over the same state, as two instances of a function have them."""
    if request.param == "memory":
        only = MemoryStore()
        yield only, only
        return
    url = request.getfixturevalue(f"{request.param}_url")
    stores = SqlStore(url), SqlStore(url)
    if request.param == "postgresql":
        await empty(stores[0])
    for store in stores:
        await store.open()
    yield stores
    for store in stores:
        await store.close()


@pytest.fixture
def store(rivals):
    return rivals[0]


async def empty(store: SqlStore) -> None:
    async with store._engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            await connection.execute(table.delete())
