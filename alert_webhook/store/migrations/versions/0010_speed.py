"""Ending an episode changes no index: on PostgreSQL the new row stands beside the old one, and no index hears of it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ROOM_PERCENT = 80  # of a page is filled at first: an episode ends once


def upgrade() -> None:
    op.drop_index(op.f("ix_episode_alert_id_ended_ns"), table_name="episode")
    op.drop_index(op.f("ix_episode_incident_id_ended_ns"), table_name="episode")
    op.create_index(op.f("ix_episode_alert_id"), "episode", ["alert_id"], unique=False)
    op.create_index(op.f("ix_episode_incident_id"), "episode", ["incident_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(f"ALTER TABLE episode SET (fillfactor = {ROOM_PERCENT})"))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("ALTER TABLE episode RESET (fillfactor)"))
    op.drop_index(op.f("ix_episode_incident_id"), table_name="episode")
    op.drop_index(op.f("ix_episode_alert_id"), table_name="episode")
    op.create_index(op.f("ix_episode_incident_id_ended_ns"), "episode", ["incident_id", "ended_ns"], unique=False)
    op.create_index(op.f("ix_episode_alert_id_ended_ns"), "episode", ["alert_id", "ended_ns"], unique=False)
