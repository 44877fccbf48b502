"""doubts: requests without an outcome, and requests of which events came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "doubts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asks", sa.SmallInteger(), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("log_answer", sa.Text(), nullable=False),
        sa.Column("log_words", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("history", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_doubts_batch_id_batches"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doubts")),
    )
    op.create_index("uq_doubts_attempt_id_first_id", "doubts", ["attempt_id", "first_id"], unique=True)
    op.create_index("ix_doubts_status_check_at", "doubts", ["status", "check_at"])
    op.create_index("ix_doubts_issue_id_status", "doubts", ["issue_id", "status"])
    op.create_index("ix_doubts_batch_id", "doubts", ["batch_id"])
    op.create_table(
        "heard_requests",
        sa.Column("attempt_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", "first_id", "last_id", name=op.f("pk_heard_requests")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_heard_requests_heard_at", "heard_requests", ["heard_at"])
    op.create_index("ix_attempts_started_at", "attempts", ["started_at"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_attempts_started_at", table_name="attempts")
    op.drop_index("ix_heard_requests_heard_at", table_name="heard_requests")
    op.drop_table("heard_requests")
    op.drop_index("ix_doubts_batch_id", table_name="doubts")
    op.drop_index("ix_doubts_issue_id_status", table_name="doubts")
    op.drop_index("ix_doubts_status_check_at", table_name="doubts")
    op.drop_index("uq_doubts_attempt_id_first_id", table_name="doubts")
    op.drop_table("doubts")
