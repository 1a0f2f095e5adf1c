"""Sources other than Alertmanager, reconciliation, shadow mode, alerts that flap."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_IS_HELD = sa.text("held_until IS NOT NULL")
HELD: dict[str, Any] = {"postgresql_where": _IS_HELD, "sqlite_where": _IS_HELD}


def upgrade() -> None:
    op.add_column("alert", sa.Column("openings", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("alert", sa.Column("held_until", sa.Double(), nullable=True))
    op.create_index(op.f("ix_alert_held_until"), "alert", ["held_until"], unique=False, **HELD)
    op.create_table(
        "reconciliation",
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.Double(), nullable=False),
        sa.Column("succeeded_at", sa.Double(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("integration", name=op.f("pk_reconciliation")),
    )


def downgrade() -> None:
    op.drop_table("reconciliation")
    op.drop_index(op.f("ix_alert_held_until"), table_name="alert")
    with op.batch_alter_table("alert") as batch:
        batch.drop_column("held_until")
        batch.drop_column("openings")
