"""The tables of the engine's own memory."""

import sqlalchemy as sa

from alert_webhook.store.metadata import METADATA, SECONDS

oncall_seen = sa.Table(  # who was on call when the engine looked last: the next one is told
    "oncall_seen",
    METADATA,
    sa.Column("schedule", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),  # "" for nobody
    sa.Column("since_at", SECONDS, nullable=False),
)
