"""The tables behind the rows, and how a row becomes columns and comes back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec.structs import asdict
from sqlalchemy.engine import Dialect

from fujie.identity.rows import (
    BrowserSession,
    Consent,
    Delegation,
    Grant,
    LedgerEntry,
    LoginAttempt,
    SealedCredential,
    User,
)
from fujie.sessions.rows import AgentState, Conversation, Deed, PushAddress, Run

REVISION = "0007"
"""The newest migration this code needs; a test holds it against the migrations folder. Revisions sort as text."""

Row = (
    LoginAttempt
    | BrowserSession
    | Delegation
    | Conversation
    | Run
    | Consent
    | Grant
    | LedgerEntry
    | SealedCredential
    | PushAddress
    | Deed
    | AgentState
)
RowType = TypeVar(
    "RowType",
    LoginAttempt,
    BrowserSession,
    Delegation,
    Conversation,
    Run,
    Consent,
    Grant,
    LedgerEntry,
    SealedCredential,
    PushAddress,
    Deed,
    AgentState,
)


class Moment(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite keeps no offset, so it is put back on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = sa.MetaData()


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **options)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, Moment, nullable=nullable)


def _owner() -> list[sa.Column[str]]:
    return [_text("tenant"), _text("user_id"), _text("user_name")]


LOGIN_ATTEMPTS = sa.Table(
    "login_attempts",
    METADATA,
    _text("state_hash", primary_key=True),
    _text("browser_hash"),
    _text("code_verifier"),
    _text("nonce"),
    _text("return_to"),
    _moment("expires_at"),
)

BROWSER_SESSIONS = sa.Table(
    "browser_sessions",
    METADATA,
    _text("id_hash", primary_key=True),
    *_owner(),
    _text("delegation_id"),
    _text("csrf_token"),
    _moment("created_at"),
    _moment("idle_expires_at"),
    _moment("expires_at"),
    sa.Index("browser_sessions_by_end", "idle_expires_at"),
)

DELEGATIONS = sa.Table(
    "delegations",
    METADATA,
    _text("id", primary_key=True),
    *_owner(),
    _text("session_hash"),
    _text("sealed"),
    _moment("expires_at"),
    _moment("created_at"),
    _moment("withdrawn_at", nullable=True),
    sa.Index("delegations_by_end", "expires_at"),
)

CONVERSATIONS = sa.Table(
    "conversations",
    METADATA,
    _text("id", primary_key=True),
    *_owner(),
    _text("title"),
    _moment("created_at"),
    _moment("updated_at"),
    sa.Index("conversations_of_user", "tenant", "user_id", "updated_at"),
)

_UNFINISHED = sa.text("status IN ('running', 'waiting')")

RUNS = sa.Table(
    "runs",
    METADATA,
    _text("id", primary_key=True),
    sa.Column("conversation_id", sa.Text, sa.ForeignKey("conversations.id"), nullable=False),
    *_owner(),
    _text("delegation_id"),
    _text("agent"),
    _text("status"),
    _text("request"),
    _text("history"),
    _text("pending"),
    _moment("created_at"),
    _moment("updated_at"),
    _text("lease_owner"),
    _moment("lease_expires_at", nullable=True),
    sa.Column("fence", sa.BigInteger, nullable=False),
    _text("error"),
    sa.Index("runs_of_conversation", "conversation_id", "created_at"),
    sa.Index("runs_of_user", "tenant", "user_id", "updated_at"),
    # One question at a time: the database itself refuses a second one, so no check can race.
    sa.Index(
        "runs_one_unfinished",
        "conversation_id",
        unique=True,
        sqlite_where=_UNFINISHED,
        postgresql_where=_UNFINISHED,
    ),
)

RUN_EVENTS = sa.Table(
    "run_events",
    METADATA,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("body"),
)

# No foreign key to runs: what a user allowed or refused outlives the run as evidence.
CONSENTS = sa.Table(
    "consents",
    METADATA,
    _text("id", primary_key=True),
    *_owner(),
    _text("run_id"),
    _text("call_id"),
    _text("delegation_id"),
    _text("provider"),
    _text("scopes"),
    _text("tool"),
    _text("reason"),
    _text("state_hash"),
    _text("session_uri"),
    _text("authorization_url"),
    _text("status"),
    _moment("created_at"),
    _moment("expires_at"),
    _text("session_hash"),
    _text("bound_session_hash"),
    _text("words"),
    sa.Index("consents_by_state", "state_hash", unique=True),
    sa.Index("consents_of_run", "run_id"),
    sa.Index("consents_by_expiry", "status", "expires_at"),
    sa.Index("consents_of_user", "tenant", "user_id", "provider"),
)

GRANTS = sa.Table(
    "grants",
    METADATA,
    _text("id", primary_key=True),
    *_owner(),
    _text("provider"),
    _text("scopes"),
    _moment("granted_at"),
    _moment("last_used_at", nullable=True),
    _moment("withdrawn_at", nullable=True),
    sa.Column("generation", sa.BigInteger, nullable=False),
    _text("words"),
    sa.Index("grants_of_user", "tenant", "user_id", "provider", unique=True),
)

SPENT_TOKENS = sa.Table(
    "spent_tokens",
    METADATA,
    _text("id", primary_key=True),
    _moment("expires_at"),
    sa.Index("spent_tokens_by_end", "expires_at"),
)

SHARED_CREDENTIALS = sa.Table(
    "shared_credentials",
    METADATA,
    _text("key_hash", primary_key=True),
    _text("sealed"),
    _moment("expires_at"),
    sa.Index("shared_credentials_by_end", "expires_at"),
)

PUSH_ADDRESSES = sa.Table(
    "push_addresses",
    METADATA,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    _text("id", primary_key=True),
    _text("sealed"),
)

AGENT_STATES = sa.Table(
    "agent_states",
    METADATA,
    *_owner(),
    _text("session_id"),
    _text("name"),
    sa.Column("number", sa.BigInteger, nullable=False),
    _text("value"),
    sa.PrimaryKeyConstraint("tenant", "user_id", "session_id", "name", "number"),
)

LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _moment("at"),
    _text("actor"),
    *_owner(),
    _text("run_id"),
    _text("call_id"),
    _text("tool"),
    _text("kind"),
    _text("provider"),
    _text("scopes"),
    _text("decision"),
    _text("outcome"),
    _text("fingerprint"),
    _text("previous"),
    _text("seal"),
)

# Its name is older than what it holds: events were the first that must be handled once.
DEEDS = sa.Table(
    "handled_events",
    METADATA,
    _text("id", primary_key=True),
    _text("status"),
    _moment("held_until"),
    _moment("expires_at"),
    _text("result", server_default=""),
    sa.Index("handled_events_by_end", "expires_at"),
)

# One row, whose lock puts writers in line, and which notices when the ledger's end is cut off.
LEDGER_HEAD = sa.Table(
    "ledger_head",
    METADATA,
    _text("id", primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    _text("seal"),
)


def columns_from_row(row: Row) -> dict[str, Any]:
    """Return the row as column values: the user in three columns, scopes as a JSON list."""
    values: dict[str, Any] = asdict(row)
    user: User | None = values.pop("user", None)
    if user is not None:
        values |= {"tenant": user.tenant, "user_id": user.id, "user_name": user.name}
    if "scopes" in values:
        values["scopes"] = json.dumps(values["scopes"])
    return values


def row_from_columns(kind: type[RowType], columns: Mapping[Any, Any]) -> RowType:
    """Return the row that `columns_from_row` took apart."""
    values = dict(columns)
    if "user_id" in values:
        values["user"] = User(values.pop("tenant"), values.pop("user_id"), values.pop("user_name"))
    if "scopes" in values:
        values["scopes"] = tuple(json.loads(values["scopes"]))
    return kind(**values)
