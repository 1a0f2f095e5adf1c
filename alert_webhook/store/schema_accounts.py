"""Tables of API keys and of the record of who changed what."""

import sqlalchemy as sa

from alert_webhook.store.metadata import ID, METADATA, SECONDS

api_key = sa.Table(  # only the hashes of keys are here
    "api_key",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("key_hash", sa.Text, nullable=False, unique=True),
    sa.Column("prefix", sa.Text, nullable=False),  # the key's first characters, by which people find it again
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),  # JSON array
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", SECONDS, nullable=False),
    sa.Column("expires_at", SECONDS, nullable=False),
    sa.Column("revoked_at", SECONDS),
    sa.Index(None, "prefix"),
)

change = sa.Table(  # who changed what outside incidents, which have timelines; rows are added, never changed
    "change",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("at", SECONDS, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("via", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Index(None, "at"),
)
