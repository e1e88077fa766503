"""Everything the cloud remembers, as JSON documents in one SQLite file."""

import fcntl
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from fujie_emulator.core.errors import EmulatorError

FORMAT = 1  # PRAGMA user_version of a state file this program can read
_BUSY_TIMEOUT_S = 2.0
_SWEEP_S = 60.0  # how often nonces that ended are removed; until then they are there, but may be used again
_USE_NONCE = """
INSERT INTO nonces VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET ends_at = excluded.ends_at WHERE nonces.ends_at < ?
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    service TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, doc TEXT NOT NULL,
    PRIMARY KEY (service, kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nonces (
    access_key_id TEXT NOT NULL, nonce TEXT NOT NULL, ends_at REAL NOT NULL,
    PRIMARY KEY (access_key_id, nonce)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nonces_by_end ON nonces (ends_at);
"""


class Store:
    """Documents by (service, kind, key); a write is on disk (write-ahead log) when the call returns.

    One connection, shared by all threads under one lock. A killed process loses nothing that was answered;
    a power cut may lose the last writes (synchronous=NORMAL), which a laptop's cloud accepts.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.RLock()
        self._depth = 0
        self._swept_at = 0.0
        self._guard = _claim(directory)
        try:
            self._connection = _open(directory / "cloud.sqlite3")
        except EmulatorError:
            os.close(self._guard)
            raise

    def get(self, service: str, kind: str, key: str) -> dict[str, Any] | None:
        """Return the document, a fresh copy that the caller may change, or None."""
        with self._lock:
            row = self._connection.execute(
                "SELECT doc FROM documents WHERE service = ? AND kind = ? AND key = ?", (service, kind, key)
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, service: str, kind: str, key: str, doc: dict[str, Any]) -> None:
        """Store the document in place of any earlier one."""
        text = json.dumps(doc, ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", (service, kind, key, text))

    def delete(self, service: str, kind: str, key: str) -> bool:
        """Forget the document; False when there was none."""
        with self._lock:
            cursor = self._connection.execute(
                "DELETE FROM documents WHERE service = ? AND kind = ? AND key = ?", (service, kind, key)
            )
        return cursor.rowcount > 0

    def list(self, service: str, kind: str) -> "list[tuple[str, dict[str, Any]]]":
        """Return (key, document) pairs, ordered by key."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT key, doc FROM documents WHERE service = ? AND kind = ? ORDER BY key", (service, kind)
            ).fetchall()
        return [(key, json.loads(text)) for key, text in rows]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many documents of each kind each service keeps."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT service, kind, count(*) FROM documents GROUP BY service, kind"
            ).fetchall()
        counts: dict[str, dict[str, int]] = {}
        for service, kind, number in rows:
            counts.setdefault(service, {})[kind] = number
        return counts

    def use_nonce(self, access_key_id: str, nonce: str, *, now: float, ends_at: float) -> bool:
        """Take a nonce for good; False when this key used it before (until `ends_at`, epoch seconds)."""
        with self._lock:
            if abs(now - self._swept_at) > _SWEEP_S:
                self._connection.execute("DELETE FROM nonces WHERE ends_at < ?", (now,))
                self._swept_at = now
            cursor = self._connection.execute(_USE_NONCE, (access_key_id, nonce, ends_at, now))
        return cursor.rowcount > 0

    def clear(self, *, keep: tuple[str, str]) -> None:
        """Forget everything but the documents of one (service, kind)."""
        with self.transaction():
            self._connection.execute("DELETE FROM documents WHERE NOT (service = ? AND kind = ?)", keep)
            self._connection.execute("DELETE FROM nonces")

    def copy_to(self, path: Path) -> None:
        """Write all of it into a new file, readable by this user only."""
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with self._lock, closing(sqlite3.connect(path)) as copy:
            self._connection.backup(copy)

    def replace_by(self, path: Path) -> None:
        """Hold what that file holds instead, all of it or, when it is not such a file, nothing (EmulatorError)."""
        with closing(_open(path)) as other, self._lock:
            other.backup(self._connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the writes inside all or nothing; a transaction inside another joins it. Do not await inside."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._leave("ROLLBACK")
                raise
            self._leave("COMMIT")

    def _leave(self, end: str) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._connection.execute(end)

    def close(self) -> None:
        """Close the file; the store is not usable afterwards."""
        with self._lock:
            self._connection.close()
            os.close(self._guard)


def _claim(directory: Path) -> int:
    """Make the directory and take it for this process; the lock ends with the process, however that ends."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        guard = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise EmulatorError(f"The state directory {directory} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(guard)
        raise EmulatorError(f"The state directory {directory} is in use by another emulator; stop that one.") from error
    return guard


def _open(path: Path) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # secrets live here: never readable by others
        connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise EmulatorError(f"The state file {path} cannot be opened: {error}.") from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise EmulatorError(
            f"The state in {path} is damaged or not ours ({error}); move the directory away or use another --state."
        ) from error
    except EmulatorError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found not in (0, FORMAT):
        raise EmulatorError(
            f"The state in {path} has format {found}, this program reads {FORMAT}; use another --state."
        )
    check = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if check != "ok":
        raise sqlite3.DatabaseError(check)
    connection.executescript(_SCHEMA)
    connection.execute(f"PRAGMA user_version = {FORMAT}")
