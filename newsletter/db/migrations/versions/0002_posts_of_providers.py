"""posts of providers, the events they told, and an index over troubles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_IS_TROUBLE = sa.text("kind IN ('bounced', 'rejected', 'complained')")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "inbox_posts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_posts")),
        sa.UniqueConstraint("sha256", name=op.f("uq_inbox_posts_sha256")),
    )
    op.create_index("ix_inbox_posts_status_id", "inbox_posts", ["status", "id"])
    op.create_table(
        "known_events",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_known_events")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_events_troubles",
        "events",
        ["issue_id", "kind"],
        postgresql_where=_IS_TROUBLE,
        sqlite_where=_IS_TROUBLE,
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_events_troubles", table_name="events")
    op.drop_table("known_events")
    op.drop_index("ix_inbox_posts_status_id", table_name="inbox_posts")
    op.drop_table("inbox_posts")
