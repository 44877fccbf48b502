"""requests to be subscribed with their limits, and what a newsletter says about itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ADDRESS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.add_column("newsletters", sa.Column("about", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "opt_in_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("address", _ADDRESS, nullable=False),
        sa.Column("list_ids", sa.JSON(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("consent", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("requested_at", _MOMENT, nullable=False),
        sa.Column("mail", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("claimed_at", _MOMENT, nullable=True),
        sa.Column("response", sa.Text(), server_default="", nullable=False),
        sa.Column("confirmed_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_opt_in_requests_newsletter_id_newsletters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opt_in_requests")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_opt_in_requests_address", "opt_in_requests", ["address"])
    op.create_index("ix_opt_in_requests_requested_at", "opt_in_requests", ["requested_at"])
    is_waiting = sa.text("mail = 'waiting'")
    op.create_index(
        "ix_opt_in_requests_waiting",
        "opt_in_requests",
        ["due_at"],
        postgresql_where=is_waiting,
        sqlite_where=is_waiting,
    )
    op.create_table(
        "request_counts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("began_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_request_counts")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("request_counts")
    op.drop_table("opt_in_requests")
    op.drop_column("newsletters", "about")
