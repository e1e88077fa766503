"""What came of what must happen once; code that does not know the column leaves it empty."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("handled_events", sa.Column("result", sa.Text, nullable=False, server_default=""))
