"""what a log answered last stands in a doubt's history, and nowhere else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.drop_column("doubts", "log_answer")


def downgrade() -> None:
    """Take back."""
    op.add_column("doubts", sa.Column("log_answer", sa.Text(), server_default="", nullable=False))
