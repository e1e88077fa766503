import subprocess
import sys

import pytest

from fujie_emulator.core.errors import EmulatorError
from fujie_emulator.core.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "state")
    yield store
    store.close()


def test_a_document_comes_back_as_a_copy(store):
    store.put("oss", "bucket", "b", {"tags": ["x"]})
    store.get("oss", "bucket", "b")["tags"].append("y")
    assert store.get("oss", "bucket", "b") == {"tags": ["x"]}


def test_documents_are_listed_by_key_within_their_kind(store):
    for key in ("b", "a"):
        store.put("ram", "role", key, {"name": key})
    store.put("ram", "policy", "c", {})
    assert [key for key, _ in store.list("ram", "role")] == ["a", "b"]
    assert store.counts() == {"ram": {"role": 2, "policy": 1}}


def test_deleting_tells_whether_there_was_something(store):
    store.put("ram", "role", "a", {})
    assert store.delete("ram", "role", "a") is True
    assert store.delete("ram", "role", "a") is False
    assert store.get("ram", "role", "a") is None


def test_a_failed_transaction_leaves_nothing_and_a_nested_one_joins(store):
    def fail():
        with store.transaction():
            store.put("s", "k", "1", {})
            with store.transaction():
                store.put("s", "k", "2", {})
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert store.list("s", "k") == []
    with store.transaction():
        store.put("s", "k", "3", {})
    assert [key for key, _ in store.list("s", "k")] == ["3"]


def test_nonces_that_ended_do_not_pile_up(store):
    for number in range(50):
        store.use_nonce("AK", str(number), now=0, ends_at=10)
    store.use_nonce("AK", "n", now=1000, ends_at=1010)
    assert store._connection.execute("SELECT nonce FROM nonces").fetchall() == [("n",)]


def test_a_nonce_is_taken_once_per_key_until_it_ends(store):
    assert store.use_nonce("AK", "n", now=0, ends_at=10)
    assert not store.use_nonce("AK", "n", now=5, ends_at=15)
    assert store.use_nonce("other", "n", now=5, ends_at=15)
    assert store.use_nonce("AK", "n", now=11, ends_at=21)


def test_what_was_put_survives_a_killed_process(tmp_path):
    script = (
        "import os, signal, sys; from pathlib import Path; from fujie_emulator.core.store import Store\n"
        "store = Store(Path(sys.argv[1])); store.put('a', 'b', 'c', {'x': 1}); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -9
    store = Store(tmp_path)
    assert store.get("a", "b", "c") == {"x": 1}
    store.close()


def test_a_damaged_file_gets_one_sentence(tmp_path):
    (tmp_path / "cloud.sqlite3").write_bytes(b"not a database, " * 1000)
    with pytest.raises(EmulatorError, match=r"damaged or not ours .*move the directory away"):
        Store(tmp_path)


def test_a_truncated_file_gets_one_sentence(tmp_path):
    store = Store(tmp_path)
    for number in range(500):
        store.put("s", "k", str(number), {"x": "y" * 200})
    store.close()
    path = tmp_path / "cloud.sqlite3"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(EmulatorError, match="damaged"):
        Store(tmp_path)


def test_a_file_of_another_format_is_left_alone(tmp_path):
    store = Store(tmp_path)
    store._connection.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(EmulatorError, match="format 99"):
        Store(tmp_path)


def test_a_state_directory_serves_one_emulator(tmp_path):
    first = Store(tmp_path)
    with pytest.raises(EmulatorError, match="in use by another emulator"):
        Store(tmp_path)
    first.close()
    Store(tmp_path).close()


def test_a_path_that_is_no_directory_gets_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmulatorError, match="cannot be used"):
        Store(tmp_path / "file")


def test_nobody_else_may_read_the_state(tmp_path):
    Store(tmp_path / "new").close()
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "cloud.sqlite3").stat().st_mode & 0o077 == 0
