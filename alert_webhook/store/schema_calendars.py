"""The last good copies of calendars that come from elsewhere, shared by all replicas."""

import sqlalchemy as sa

from alert_webhook.store.metadata import METADATA, SECONDS

calendar_copy = sa.Table(
    "calendar_copy",
    METADATA,
    sa.Column("schedule", sa.Text, primary_key=True),
    sa.Column("calendar", sa.Text, primary_key=True),
    sa.Column("tried_at", SECONDS, nullable=False),  # when some replica last took the turn to ask
    sa.Column("fetched_at", SECONDS),  # when the copy came, NULL before the first
    sa.Column("content", sa.Text),
    sa.Column("trouble", sa.Text, nullable=False),  # why the last turn brought nothing, "" where it did
)
