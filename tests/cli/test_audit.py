"""`fujie audit` over the store of a state directory."""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from fujie.cli.app import app
from fujie.cli.errors import CliError, NotStartedError
from fujie.identity.ledger import Ledger, LedgerDamagedError, LedgerKey
from fujie.secret import Secret
from fujie.sessions.migrate import migrate
from fujie.sessions.sql import SqlStore
from tests.sessions.rows import ENTRY


@pytest.fixture
def state(tmp_path):
    return state_with(tmp_path, 3)


def state_with(tmp_path, entries):
    url = f"sqlite+aiosqlite:///{tmp_path / 'fujie.db'}"

    async def prepared():
        await migrate(url)
        store = SqlStore(url)
        ledger = Ledger(store, LedgerKey(Secret("key")))
        for number in range(entries):
            await ledger.record(replace(ENTRY, call_id=f"c{number}", run_id=f"run\n{number}"), Secret("canary"))
        await store.close()

    asyncio.run(prepared())
    (tmp_path / "keys.json").write_text(json.dumps({"ledger": "key"}))
    return tmp_path


def run(*words):
    done = CliRunner().invoke(app, ["audit", *map(str, words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_tail_prints_the_last_entries_one_line_each_and_no_credential(state):
    shown = run("tail", "-n", 2, "--state", state)
    assert [line.split()[0] for line in shown.splitlines()] == ["2", "3"]
    assert "alice (default/200000000000000001)" in shown
    assert "oauth time (time.read)" in shown
    assert "process < chat" in shown
    assert "canary" not in shown


def test_verify_counts_what_is_as_it_was_written(state):
    assert run("verify", "--state", state).startswith("3 entries")


@pytest.mark.parametrize(("count", "said"), [(0, "0 entries, "), (1, "1 entry, "), (2, "2 entries, ")])
def test_verify_counts_in_words(tmp_path, count, said):
    assert run("verify", "--state", state_with(tmp_path, count)).startswith(said)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE ledger SET outcome = 'ok2' WHERE seq = 2",
        "UPDATE ledger SET user_id = 'x' WHERE seq = 1",
        "DELETE FROM ledger WHERE seq = 2",
        "DELETE FROM ledger WHERE seq = 3",
        "UPDATE ledger_head SET seq = 2",
        "DELETE FROM ledger_head",
    ],
)
def test_verify_notices_what_was_done_to_the_database(state, tampering):
    with closing(sqlite3.connect(state / "fujie.db")) as database:
        assert database.execute(tampering).rowcount == 1
        database.commit()
    with pytest.raises(LedgerDamagedError):
        run("verify", "--state", state)


def test_a_directory_without_a_database_or_a_key_is_named(state, tmp_path):
    with pytest.raises(NotStartedError):
        run("tail", "--state", tmp_path / "nothing")
    (state / "keys.json").unlink()
    with pytest.raises(CliError):
        run("verify", "--state", state)
