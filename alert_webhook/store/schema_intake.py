"""The intake's own tables."""

import sqlalchemy as sa

from alert_webhook.store.metadata import METADATA, SECONDS

reconciliation = sa.Table(  # one row for each integration that is compared with its Alertmanager
    "reconciliation",
    METADATA,
    sa.Column("integration", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),  # the process that does it; another one when it stops
    sa.Column("begun_at", SECONDS, nullable=False),
    sa.Column("succeeded_at", SECONDS),
    sa.Column("trouble", sa.Text, nullable=False),  # why the latest one ended no alert
)
