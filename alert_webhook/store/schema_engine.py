"""The tables of the engine's own memory, and the indexes by which it finds what is next."""

import sqlalchemy as sa

from alert_webhook.store.metadata import METADATA, SECONDS
from alert_webhook.store.schema import notification

oncall_seen = sa.Table(  # who was on call when the engine looked last: the next one is told
    "oncall_seen",
    METADATA,
    sa.Column("schedule", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),  # "" for nobody
    sa.Column("since_at", SECONDS, nullable=False),
)

engine_version = sa.Table(  # the releases whose engines work here; the newest that was seen lately works alone
    "engine_version",
    METADATA,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seen_at", SECONDS, nullable=False),
)

# the words of the index: a query that uses others does not use it
HELD_BACK = sa.text("state = 'pending' AND detail >= 'throttled' AND detail < 'throttlee'")

sa.Index("ix_notification_next", notification.c.state, notification.c.rank, notification.c.due_at)
sa.Index(
    "ix_notification_held_back",
    notification.c.person,
    notification.c.contact,
    postgresql_where=HELD_BACK,
    sqlite_where=HELD_BACK,
)
