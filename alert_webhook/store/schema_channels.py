"""The tables about what happens to messages after a provider took them. Times are our database's, in Unix seconds."""

import sqlalchemy as sa

from alert_webhook.store.metadata import ID, METADATA, SECONDS

tracked = sa.Table(  # one message that a provider took and can say more about
    "tracked_message",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),  # the one that took it: a fallback of the contact's, perhaps
    sa.Column("reference", sa.Text, nullable=False),  # the provider's id
    sa.Column("notification_uid", sa.Text, sa.ForeignKey("notification.uid", ondelete="CASCADE"), nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("stage", sa.Integer, nullable=False),  # delivery.callback.Stage
    sa.Column("word", sa.Text, nullable=False),  # the provider's own
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("taken_at", SECONDS, nullable=False),
    sa.Column("changed_at", SECONDS, nullable=False),
    sa.Column("asked", sa.Integer, nullable=False),  # times so far
    sa.Column("ask_at", SECONDS),  # NULL: nothing more to ask
    sa.Column("shown_state", sa.Text),  # the incident's state as the message shows it; NULL: it shows none
    sa.Column("show_at", SECONDS, nullable=False),  # not before
    sa.UniqueConstraint("channel", "reference"),
    sa.Index(None, "notification_uid"),
    sa.Index(None, "ask_at"),
    sa.Index(None, "shown_state"),
)

heard_event = sa.Table(  # answers of people by way of a provider, each counted once
    "heard_event",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),  # the provider's id
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("at", SECONDS, nullable=False),
    sa.Column("wrong", sa.Boolean, nullable=False),  # a wrong code, or nothing anybody understands
    sa.Column("result", sa.Text, nullable=False),  # JSON: delivery.callback.Result
    sa.UniqueConstraint("channel", "event"),
    sa.Index(None, "channel", "sender", "at"),
    sa.Index(None, "at"),
)

hopeless_address = sa.Table(  # addresses that their provider called hopeless
    "hopeless_address",
    METADATA,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", SECONDS, nullable=False),
)
