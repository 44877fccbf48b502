"""Which suppressions the provider has a copy of, and whom it shall try again although a mail came back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ADDRESS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "provider_copies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", _ADDRESS, nullable=False),
        sa.Column("begun_at", _MOMENT, nullable=True),
        sa.Column("pushed_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_copies")),
        sa.UniqueConstraint("address", name=op.f("uq_provider_copies_address")),
    )
    op.create_table(
        "provider_retries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", _ADDRESS, nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("done_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_retries")),
        sa.UniqueConstraint("address", name=op.f("uq_provider_retries_address")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("provider_retries")
    op.drop_table("provider_copies")
