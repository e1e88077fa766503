import subprocess
import sys

import pytest

from fujie.errors import SettingsError
from fujie.sessions.opening import store_from_settings
from fujie.sessions.sql import SqlStore
from fujie.settings import Settings


async def test_the_settings_name_the_store(sqlite_url):
    store = store_from_settings(Settings(database_url=sqlite_url))
    assert isinstance(store, SqlStore)
    await store.open()
    await store.close()


def test_no_database_is_an_error_that_names_the_variable():
    with pytest.raises(SettingsError, match="FUJIE_DATABASE_URL"):
        store_from_settings(Settings())


def test_the_database_library_is_imported_only_when_a_store_is_opened():
    late = "import sys, fujie.sessions.opening, fujie.sessions.memory; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", late], check=False, timeout=60).returncode == 0
