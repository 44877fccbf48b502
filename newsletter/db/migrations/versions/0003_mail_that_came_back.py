"""mail that came back, kept as it came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "inbound_mails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=True),
        sa.Column("subscriber_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("understood", sa.JSON(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_mails")),
        sa.UniqueConstraint("token", "sha256", name=op.f("uq_inbound_mails_token_sha256")),
    )
    op.create_index("ix_inbound_mails_received_at", "inbound_mails", ["received_at"])
    op.create_index("ix_inbound_mails_subscriber_id", "inbound_mails", ["subscriber_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_inbound_mails_subscriber_id", table_name="inbound_mails")
    op.drop_index("ix_inbound_mails_received_at", table_name="inbound_mails")
    op.drop_table("inbound_mails")
