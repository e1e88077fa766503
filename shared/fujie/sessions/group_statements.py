"""The statements that write a group of runs, for SQLite and for PostgreSQL; they differ in how JSON becomes rows."""
# ruff: noqa: S608 - what is put together is names of our own tables and columns; values are a parameter

import sqlalchemy as sa
from msgspec import Struct

from fujie.sessions.groups import HOLD_COLUMNS
from fujie.sessions.tables import CONVERSATIONS, RUNS, Moment


class Statements(Struct, frozen=True):
    """Each but the last has one parameter, `:rows`, a JSON array of objects."""

    conversations: str
    """Begins those that are not there, and makes those the newest that are their user's."""
    runs: str
    """Begins the runs whose conversation is their user's and free; returns their ids."""
    holds: str
    """Returns the ids of the runs that are held under the fence that is named, and leaves rows as their end says."""
    events: str
    """Of one run in SQLite, with `:run_id`, `:first` and `:bodies`, an array of texts; of all in an array elsewhere."""


def statements(dialect: str) -> Statements:
    """Return the statements for `sqlite` or `postgresql`."""
    given = _sqlite if dialect == "sqlite" else _postgresql
    talk, run = _names(CONVERSATIONS), _names(RUNS)
    hold = {column: _type(RUNS.c[column]) for column in HOLD_COLUMNS}
    talks, runs = ", ".join(talk), ", ".join(run)
    return Statements(
        f"INSERT INTO conversations ({talks}) SELECT {talks} FROM ({given(talk)}) AS g WHERE true"
        " ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at"
        " WHERE conversations.tenant = excluded.tenant AND conversations.user_id = excluded.user_id",
        f"INSERT INTO runs ({runs}) SELECT {runs} FROM ({given(run)}) AS g WHERE EXISTS"
        " (SELECT 1 FROM conversations AS c WHERE c.id = g.conversation_id AND c.tenant = g.tenant"
        " AND c.user_id = g.user_id) ON CONFLICT DO NOTHING RETURNING id",
        "UPDATE runs SET status = coalesce(g.status, runs.status), history = coalesce(g.history, runs.history),"
        " pending = coalesce(g.pending, runs.pending), error = coalesce(g.error, runs.error),"
        " updated_at = coalesce(g.updated_at, runs.updated_at),"
        " lease_owner = CASE WHEN g.status IS NULL THEN runs.lease_owner ELSE '' END,"
        " lease_expires_at = CASE WHEN g.status IS NULL THEN runs.lease_expires_at ELSE NULL END"
        f" FROM ({given(hold)}) AS g WHERE runs.id = g.id AND runs.fence = g.fence RETURNING runs.id",
        f"INSERT INTO run_events (run_id, seq, body) {_EVENTS[dialect]}",
    )


def _names(table: sa.Table) -> dict[str, str]:
    return {column.name: _type(column) for column in table.c}


def _type(column: sa.Column[object]) -> str:
    if isinstance(column.type, Moment):
        return "timestamptz"
    return "bigint" if isinstance(column.type, sa.BigInteger) else "text"


def _sqlite(columns: dict[str, str]) -> str:
    read = (f"json_extract(value, '$.{name}') AS {name}" for name in columns)
    return f"SELECT {', '.join(read)} FROM json_each(:rows)"


def _postgresql(columns: dict[str, str]) -> str:
    typed = (f"{name} {type_}" for name, type_ in columns.items())
    return f"SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS r({', '.join(typed)})"


_EVENTS = {
    "sqlite": "SELECT :run_id, :first + key, value FROM json_each(:bodies)",
    "postgresql": "SELECT r.run_id, r.first + b.place - 1, b.body"
    " FROM json_to_recordset(CAST(:rows AS json)) AS r(run_id text, first bigint, bodies json)"
    " CROSS JOIN LATERAL json_array_elements_text(r.bodies) WITH ORDINALITY AS b(body, place)",
}
"""SQLite would read an array of arrays anew for each row of it."""
