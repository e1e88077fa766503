"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _owner() -> list[sa.Column[str]]:
    return [_text("tenant"), _text("user_id"), _text("user_name")]


def upgrade() -> None:
    """Make every table."""
    _sign_in()
    _runs()
    _consents()


def _sign_in() -> None:
    op.create_table(
        "login_attempts",
        _text("state_hash"),
        _text("browser_hash"),
        _text("code_verifier"),
        _text("nonce"),
        _text("return_to"),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("state_hash"),
    )
    op.create_table(
        "browser_sessions",
        _text("id_hash"),
        *_owner(),
        _text("delegation_id"),
        _text("csrf_token"),
        _moment("created_at"),
        _moment("idle_expires_at"),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("id_hash"),
    )
    op.create_index("browser_sessions_by_end", "browser_sessions", ["idle_expires_at"])
    op.create_table(
        "delegations",
        _text("id"),
        *_owner(),
        _text("session_hash"),
        _text("sealed"),
        _moment("expires_at"),
        _moment("created_at"),
        _moment("withdrawn_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("delegations_by_end", "delegations", ["expires_at"])


def _runs() -> None:
    op.create_table(
        "conversations",
        _text("id"),
        *_owner(),
        _text("title"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("conversations_of_user", "conversations", ["tenant", "user_id", "updated_at"])
    op.create_table(
        "runs",
        _text("id"),
        _text("conversation_id"),
        *_owner(),
        *map(_text, ("delegation_id", "agent", "status", "request", "history", "pending")),
        _moment("created_at"),
        _moment("updated_at"),
        _text("lease_owner"),
        _moment("lease_expires_at", nullable=True),
        sa.Column("fence", sa.BigInteger, nullable=False),
        _text("error"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
    )
    op.create_index("runs_of_conversation", "runs", ["conversation_id", "created_at"])
    unfinished = sa.text("status IN ('running', 'waiting')")
    op.create_index(
        "runs_one_unfinished",
        "runs",
        ["conversation_id"],
        unique=True,
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.create_table(
        "run_events",
        _text("run_id"),
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        _text("body"),
        sa.PrimaryKeyConstraint("run_id", "seq"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )


def _consents() -> None:
    op.create_table(
        "consents",
        _text("id"),
        *_owner(),
        *map(_text, ("run_id", "call_id", "delegation_id", "provider", "scopes", "tool", "reason")),
        *map(_text, ("state_hash", "session_uri", "authorization_url", "status")),
        _moment("created_at"),
        _moment("expires_at"),
        _text("session_hash"),
        _text("bound_session_hash"),
        _text("words"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("consents_by_state", "consents", ["state_hash"], unique=True)
    op.create_index("consents_of_run", "consents", ["run_id"])
    op.create_index("consents_by_expiry", "consents", ["status", "expires_at"])
