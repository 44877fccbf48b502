"""flow of mail by mailbox group and day; corrections, one issue per list and date, daily slots, quiet hours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# The first issue of each list and date that was not cancelled has the place of that date.
_GIVE_PLACES = """
UPDATE issue_lists SET edition = (
    SELECT CAST(briefs.date AS TEXT) FROM issues JOIN briefs ON briefs.id = issues.brief_id
    WHERE issues.id = issue_lists.issue_id
)
WHERE NOT EXISTS (SELECT 1 FROM issues WHERE issues.id = issue_lists.issue_id AND issues.status = 'cancelled')
AND NOT EXISTS (
    SELECT 1 FROM issue_lists AS earlier
    JOIN issues AS one ON one.id = earlier.issue_id AND one.status <> 'cancelled'
    JOIN briefs AS its_brief ON its_brief.id = one.brief_id
    JOIN issues AS other ON other.id = issue_lists.issue_id
    JOIN briefs AS other_brief ON other_brief.id = other.brief_id
    WHERE earlier.list_id = issue_lists.list_id AND earlier.issue_id < issue_lists.issue_id
    AND its_brief.date = other_brief.date
)
"""


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "group_states",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("mailbox_group", sa.Text(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("factor", sa.Double(), nullable=False),
        sa.Column("factor_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("base_per_second", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", "mailbox_group", name=op.f("pk_group_states")),
    )
    op.create_table(
        "day_volumes",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "day", name=op.f("pk_day_volumes")),
    )
    op.create_table(
        "slot_runs",
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=True),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_slot_runs_newsletter_id_newsletters")
        ),
        sa.PrimaryKeyConstraint("newsletter_id", "date", name=op.f("pk_slot_runs")),
    )
    op.add_column("batches", sa.Column("hold", sa.Text(), nullable=True))
    op.add_column("batches", sa.Column("turns", sa.JSON(), nullable=True))
    op.add_column("newsletters", sa.Column("daily_slot", sa.JSON(), nullable=True))
    op.add_column("newsletters", sa.Column("quiet_hours", sa.Text(), nullable=False, server_default=""))
    op.add_column("issues", sa.Column("corrects_id", sa.Integer(), nullable=True))
    op.add_column("issues", sa.Column("send_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column("issue_lists", sa.Column("edition", sa.Text(), nullable=True))
    op.execute(_GIVE_PLACES)
    op.create_index("uq_issue_lists_list_id_edition", "issue_lists", ["list_id", "edition"], unique=True)


def downgrade() -> None:
    """Undo."""
    op.drop_index("uq_issue_lists_list_id_edition", table_name="issue_lists")
    op.drop_column("issue_lists", "edition")
    op.drop_column("issues", "send_before")
    op.drop_column("issues", "corrects_id")
    op.drop_column("newsletters", "quiet_hours")
    op.drop_column("newsletters", "daily_slot")
    op.drop_column("batches", "turns")
    op.drop_column("batches", "hold")
    op.drop_table("slot_runs")
    op.drop_table("day_volumes")
    op.drop_table("group_states")
