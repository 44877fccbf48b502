"""alerts, frozen domains, and the exchange of suppressions with a provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ADDRESS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    _create_alerts()
    _create_freezes()
    _create_exchange()


def downgrade() -> None:
    """Undo."""
    op.drop_table("provider_syncs")
    op.drop_table("provider_lifts")
    op.drop_table("held_bounces")
    op.drop_table("suppression_freezes")
    op.drop_table("alerts")


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), server_default="", nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    is_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_alerts_open_cause",
        "alerts",
        ["kind", "subject"],
        unique=True,
        postgresql_where=is_open,
        sqlite_where=is_open,
    )


def _create_freezes() -> None:
    op.create_table(
        "suppression_freezes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("began_at", _MOMENT, nullable=False),
        sa.Column("evidence", sa.Text(), server_default="", nullable=False),
        sa.Column("released_at", _MOMENT, nullable=True),
        sa.Column("released_by", sa.Integer(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression_freezes")),
    )
    is_frozen = sa.text("released_at IS NULL")
    op.create_index(
        "uq_suppression_freezes_open_domain",
        "suppression_freezes",
        ["domain"],
        unique=True,
        postgresql_where=is_frozen,
        sqlite_where=is_frozen,
    )
    op.create_table(
        "held_bounces",
        sa.Column("freeze_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("evidence", sa.Text(), server_default="", nullable=False),
        sa.Column("held_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["freeze_id"],
            ["suppression_freezes.id"],
            name=op.f("fk_held_bounces_freeze_id_suppression_freezes"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("freeze_id", "subscriber_id", name=op.f("pk_held_bounces")),
        sqlite_with_rowid=False,
    )


def _create_exchange() -> None:
    op.create_table(
        "provider_lifts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", _ADDRESS, nullable=False),
        sa.Column("lifted_at", _MOMENT, nullable=False),
        sa.Column("pushed_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_lifts")),
        sa.UniqueConstraint("address", name=op.f("uq_provider_lifts_address")),
    )
    op.create_index("ix_provider_lifts_pushed_at", "provider_lifts", ["pushed_at"])
    op.create_table(
        "provider_syncs",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.Column("counts", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_provider_syncs")),
    )
