"""Calendars that are read from a URL: their last good copies."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calendar_copy",
        sa.Column("schedule", sa.Text(), primary_key=True),
        sa.Column("calendar", sa.Text(), primary_key=True),
        sa.Column("tried_at", sa.Double(), nullable=False),
        sa.Column("fetched_at", sa.Double(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("calendar_copy")
