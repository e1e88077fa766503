"""Counts the commits of every instance's writes, and kills the instance that makes the chosen one.

Loaded by the test's own nursery before it forks an instance, and by the test. What they share is one small file,
mapped into each: armed or not, commits so far, which commit kills, before or after it, and who was killed.
"""

import fcntl
import mmap
import os
import signal
import struct
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

BEFORE, AFTER = 0, 1


class State(NamedTuple):
    """What the processes share; `what` is the function and what it wrote, the `left`-th of which kills."""

    armed: int = 0
    count: int = 0
    target: int = 0
    moment: int = BEFORE
    left: int = 0
    what: bytes = b""
    killed: bytes = b""


LAYOUT = struct.Struct("<5i160s24s")


class Odometer:
    """One file of commits; `log` has a line for each."""

    def __init__(self, path):
        self.path = Path(path)
        self.log = self.path.with_suffix(".log")
        if not self.path.exists():
            self.path.write_bytes(bytes(LAYOUT.size))
        with self.path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), LAYOUT.size)

    def arm(self, target=0, moment=BEFORE, what="", occurrence=0):
        """Count from now on, and kill at the commit of that number, or of that kind; else nobody."""
        with self._locked():
            self._state = State(1, 0, target, moment, occurrence, what.encode())
            self.log.write_text("")

    def disarm(self):
        with self._locked():
            self._state = self._state._replace(armed=0)

    @property
    def killed(self):
        """The function of which an instance was killed, "" while none was."""
        return self._state.killed.decode()

    @property
    def commits(self):
        """Return (number, function, process, what was written) of each."""
        return [line.split(None, 3) for line in self.log.read_text().splitlines()]

    def commit(self, written, commit):
        """Make one commit, which may be the last thing that this process does."""
        kills = self._kills(written)
        if kills == BEFORE:
            self._die()
        commit()
        if kills == AFTER:
            self._die()

    def _kills(self, written):
        """Count a commit; return when it kills, if it does."""
        with self._locked():
            state = self._state
            if not state.armed:
                return None
            with self.log.open("a") as log:
                log.write(f"{state.count + 1} {_function()} {os.getpid()} {written}\n")
            is_kind = state.left > 0 and state.what.decode() == f"{_function()} {written}"
            self._state = state = state._replace(count=state.count + 1, left=state.left - is_kind)
            return state.moment if state.count == state.target or (is_kind and not state.left) else None

    def _die(self):
        with self._locked():
            self._state = self._state._replace(killed=_function().encode())
        os.kill(os.getpid(), signal.SIGKILL)

    @property
    def _state(self):
        *numbers, what, killed = LAYOUT.unpack_from(self._map)
        return State(*numbers, what.rstrip(b"\0"), killed.rstrip(b"\0"))

    @_state.setter
    def _state(self, state):
        LAYOUT.pack_into(self._map, 0, *state)

    @contextmanager
    def _locked(self):
        with self.path.open("r+b") as file:  # of its own: a lock is a process's, and goes when any of its files closes
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def install(odometer):
    """Have every commit of SQLAlchemy that wrote something go through the odometer, in this process and its forks."""
    import sqlalchemy as sa
    from sqlalchemy.engine.default import DefaultDialect

    written = {}

    def before_cursor_execute(connection, _cursor, statement, *_):
        verb, *words = statement.split(None, 3)
        if verb.upper() in {"INSERT", "UPDATE", "DELETE"}:
            table = next((word for word in words if word.upper() not in {"INTO", "FROM"}), "")
            written.setdefault(id(connection.connection.dbapi_connection), []).append(f"{verb.lower()}:{table}")

    def do_commit(self, connection):
        statements = written.pop(id(connection.dbapi_connection), None)
        if statements is None:
            connection.commit()
        else:
            odometer.commit(",".join(statements), connection.commit)

    def do_rollback(self, connection):
        written.pop(id(connection.dbapi_connection), None)
        connection.rollback()

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", before_cursor_execute)
    DefaultDialect.do_commit, DefaultDialect.do_rollback = do_commit, do_rollback


def _function():
    return os.environ.get("FC_FUNCTION_NAME", "?")
