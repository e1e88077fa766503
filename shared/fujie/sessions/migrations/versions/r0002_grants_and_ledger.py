"""What people have allowed, which internal tokens were used, and the ledger of credentials."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _owner() -> list[sa.Column[str]]:
    return [_text("tenant"), _text("user_id"), _text("user_name")]


def upgrade() -> None:
    """Make the new tables, and find a person's consents."""
    op.create_index("consents_of_user", "consents", ["tenant", "user_id", "provider"])
    op.create_table(
        "grants",
        _text("id"),
        *_owner(),
        _text("provider"),
        _text("scopes"),
        _moment("granted_at"),
        _moment("last_used_at", nullable=True),
        _moment("withdrawn_at", nullable=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        _text("words"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("grants_of_user", "grants", ["tenant", "user_id", "provider"], unique=True)
    op.create_table("spent_tokens", _text("id"), _moment("expires_at"), sa.PrimaryKeyConstraint("id"))
    op.create_index("spent_tokens_by_end", "spent_tokens", ["expires_at"])
    op.create_table(
        "ledger",
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        _moment("at"),
        _text("actor"),
        *_owner(),
        *map(_text, ("run_id", "call_id", "tool", "kind", "provider", "scopes")),
        *map(_text, ("decision", "outcome", "fingerprint", "previous", "seal")),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "ledger_head",
        _text("id"),
        sa.Column("seq", sa.BigInteger, nullable=False),
        _text("seal"),
        sa.PrimaryKeyConstraint("id"),
    )
