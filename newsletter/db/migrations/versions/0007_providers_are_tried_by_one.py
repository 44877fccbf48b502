"""providers are tried by one worker after a pause."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("provider_states", sa.Column("is_probing", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("provider_states", sa.Column("probe_by", sa.Text(), nullable=True))
    op.add_column("provider_states", sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("provider_states") as table:
        for name in ("probe_until", "probe_by", "is_probing"):
            table.drop_column(name)
