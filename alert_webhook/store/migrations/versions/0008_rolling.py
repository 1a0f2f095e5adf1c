"""Which release's engine works here, and the indexes that let it take its next messages without looking at all."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

HELD_BACK = sa.text("state = 'pending' AND detail >= 'throttled' AND detail < 'throttlee'")


def upgrade() -> None:
    op.create_table(
        "engine_version",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_engine_version")),
    )
    op.create_index("ix_notification_next", "notification", ["state", "rank", "due_at"])
    op.create_index(
        "ix_notification_held_back",
        "notification",
        ["person", "contact"],
        postgresql_where=HELD_BACK,
        sqlite_where=HELD_BACK,
    )


def downgrade() -> None:
    op.drop_index("ix_notification_held_back", table_name="notification")
    op.drop_index("ix_notification_next", table_name="notification")
    op.drop_table("engine_version")
