import asyncio
import inspect
import subprocess
import sys

import pytest

from fujie.errors import SettingsError
from fujie.identity.rows import User
from fujie.sessions.errors import StoreUnavailableError
from fujie.sessions.migrate import migrate
from fujie.sessions.opening import store_from_settings
from fujie.sessions.port import Store
from fujie.settings import Settings

ALICE = User("default", "1", "alice")


async def test_the_store_opens_at_its_first_use_and_calls_at_the_same_time_share_it(sqlite_url, monkeypatch):
    made = []
    monkeypatch.setattr("fujie.sessions.sql.SqlStore", counting("fujie.sessions.sql.SqlStore", made))
    store = store_from_settings(Settings(database_url=sqlite_url))
    await store.open()
    assert made == []
    assert await asyncio.gather(store.conversations(ALICE), store.conversations(ALICE)) == [[], []]
    await store.close()
    assert made == [sqlite_url]


def counting(path, made):
    kind = getattr(sys.modules[path.rpartition(".")[0]], path.rpartition(".")[2])

    def make(url):
        made.append(url)
        return kind(url)

    return make


def test_every_word_of_the_port_is_passed_on():
    store = store_from_settings(Settings(database_url="sqlite+aiosqlite:///nowhere.db"))
    words = [name for name, member in inspect.getmembers(Store, inspect.isfunction) if not name.startswith("_")]
    assert "lease_run" in words
    assert all(callable(getattr(store, name)) for name in words)
    with pytest.raises(AttributeError):
        store.no_such_word  # noqa: B018


async def test_a_database_that_is_not_ready_fails_the_call_and_is_tried_again(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'late.db'}"
    store = store_from_settings(Settings(database_url=url))
    with pytest.raises(StoreUnavailableError) as refused:
        await store.run("run-1")
    assert "migrate" in refused.value.repair
    await migrate(url)
    assert await store.run("run-1") is None
    await store.close()


@pytest.mark.parametrize("url", ["", "mysql://root:hunter2@host/x", "hunter2"])
def test_no_database_of_ours_is_an_error_at_once_that_names_the_variable_and_not_the_address(url):
    with pytest.raises(SettingsError, match="FUJIE_DATABASE_URL") as refused:
        store_from_settings(Settings(database_url=url))
    assert "hunter2" not in f"{refused.value} {refused.value.repair}"


def test_the_database_library_is_not_imported_by_naming_a_store():
    late = (
        "import sys; from fujie.sessions.opening import store_from_settings; from fujie.settings import Settings;"
        "store_from_settings(Settings(database_url='sqlite+aiosqlite:///x.db')); sys.exit('sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", late], check=False, timeout=60).returncode == 0
