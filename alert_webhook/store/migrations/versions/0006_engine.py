"""Who was on call when the engine looked last, and messages that were told in another one."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "oncall_seen",
        sa.Column("schedule", sa.Text(), primary_key=True),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("since_at", sa.Double(), nullable=False),
    )
    op.add_column("notification", sa.Column("told_in", ID, nullable=True))
    op.create_index("ix_notification_told_in", "notification", ["told_in"])


def downgrade() -> None:
    op.drop_index("ix_notification_told_in", "notification")
    with op.batch_alter_table("notification") as table:
        table.drop_column("told_in")
    op.drop_table("oncall_seen")
