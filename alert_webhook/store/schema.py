"""The tables, as the newest migration leaves them. A test holds the two equal.

Times named `…_ns` are the senders', in nanoseconds since 1970; all others are our own database's, in Unix seconds.
"""

from typing import Any

import sqlalchemy as sa

from alert_webhook.store.metadata import ID, METADATA, SECONDS

__all__ = ["ID", "METADATA", "SECONDS"]
_IS_HELD = sa.text("held_until IS NOT NULL")
HELD: dict[str, Any] = {"postgresql_where": _IS_HELD, "sqlite_where": _IS_HELD}  # a few rows of very many

alert_group = sa.Table(  # the row that serializes the start of incidents in one group
    "alert_group",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("integration", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("incident_id", ID),  # the latest incident; whether it is open, its own row says
    sa.UniqueConstraint("integration", "name"),
)

incident = sa.Table(
    "incident",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("code", sa.Text, nullable=False, unique=True),
    sa.Column("integration", sa.Text, nullable=False),
    sa.Column("group_name", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("labels", sa.Text, nullable=False),  # JSON object
    sa.Column("source_url", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("urgency", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("policy", sa.Text),  # JSON: the snapshot
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("repeats_left", sa.Integer, nullable=False),
    sa.Column("next_step", sa.Integer, nullable=False),
    sa.Column("started_at", SECONDS, nullable=False),
    sa.Column("updated_at", SECONDS, nullable=False),
    sa.Column("acked_by", sa.Text, nullable=False),
    sa.Column("acked_at", SECONDS),
    sa.Column("resolved_at", SECONDS),
    sa.Column("ack_remind_at", SECONDS),  # when the acker is reminded, NULL when that is done or not wanted
    sa.Column("ack_ends_at", SECONDS),  # when the acknowledgement times out
    sa.Column("assigned_to", sa.Text, nullable=False, server_default=""),  # whom a person gave it to
    sa.Column("suppressed_by", sa.Text, nullable=False, server_default=""),  # in words, while it is suppressed
    sa.Column("parent_id", ID),  # the incident it is folded into
    sa.Index(None, "parent_id"),
    sa.Index(None, "urgency", "started_at"),
    sa.Index(None, "state", "id"),
    sa.Index(None, "started_at"),
)

alert = sa.Table(  # one row for each alert ever seen, by identity; what it is now
    "alert",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("integration", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("labels", sa.Text, nullable=False),  # JSON object
    sa.Column("annotations", sa.Text, nullable=False),  # JSON object
    sa.Column("generator_url", sa.Text, nullable=False),
    sa.Column("urgency", sa.Text, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("starts_ns", sa.Text, nullable=False),  # JSON array: episode.Life.starts_ns
    sa.Column("firing", sa.Boolean, nullable=False),
    sa.Column("ended_ns", sa.BigInteger, nullable=False),
    sa.Column("ended_seen_at", SECONDS, nullable=False),
    sa.Column("incident_id", ID),  # of `incident`, while it fires and belongs to one
    sa.Column("openings", sa.Text, nullable=False, server_default="[]"),  # JSON array: flapping.Flaps.openings
    sa.Column("held_until", SECONDS),  # until when its end is not believed: it flaps
    sa.Column("first_seen_at", SECONDS, nullable=False),
    sa.Column("last_seen_at", SECONDS, nullable=False),
    sa.UniqueConstraint("integration", "fingerprint"),
    sa.Index("ix_alert_held_until", "held_until", **HELD),
    # none on what each beginning and end changes: `episode` knows the alerts of an incident
)

episode = sa.Table(  # one row for each time an alert fired
    "episode",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("alert_id", ID, nullable=False),  # of `alert`; no foreign keys: each row would cost two look-ups
    sa.Column("incident_id", ID),  # of `incident`
    sa.Column("starts_ns", sa.BigInteger, nullable=False),
    sa.Column("ended_ns", sa.BigInteger),  # NULL while it fires
    sa.Index(None, "alert_id"),  # not ended_ns as well: an index that its end changes would cost every end
    sa.Index(None, "incident_id"),
)

context_label = sa.Table(  # the labels by which alerts that are only context are found
    "context_label",
    METADATA,
    sa.Column("alert_id", ID, sa.ForeignKey("alert.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Index(None, "name", "value"),
)

event = sa.Table(  # the timeline: rows are added, never changed
    "event",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("incident_id", ID, sa.ForeignKey("incident.id", ondelete="CASCADE"), nullable=False),
    sa.Column("at", SECONDS, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger),  # its place in the chain of hashes, NULL until it is sealed
    sa.Index(None, "incident_id", "id"),
    sa.Index(None, "seq", unique=True),
    sa.Index("ix_event_unsealed", "id", sqlite_where=sa.text("seq IS NULL"), postgresql_where=sa.text("seq IS NULL")),
)

timer = sa.Table(  # what is due for an incident; changed only by whoever holds the incident's row
    "timer",
    METADATA,
    sa.Column("incident_id", ID, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("due_at", SECONDS, nullable=False),
    sa.Index(None, "kind", "due_at"),
)

notification = sa.Table(  # one message that is owed to one contact
    "notification",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("uid", sa.Text, nullable=False, unique=True),  # what providers see: the same for every attempt
    sa.Column("incident_id", ID, sa.ForeignKey("incident.id", ondelete="CASCADE"), nullable=False),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", SECONDS, nullable=False),
    sa.Column("due_at", SECONDS, nullable=False),
    sa.Column("lease_until", SECONDS),
    sa.Column("lease_owner", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("unknowns", sa.Integer, nullable=False),  # attempts that may have reached the person
    sa.Column("fell_back", sa.Boolean, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("sent_at", SECONDS),
    sa.Column("told_in", ID),  # the notification whose message told of this one, too
    sa.Index(None, "told_in"),
    sa.UniqueConstraint("incident_id", "cycle", "step", "person", "contact", "reason"),
    sa.Index(None, "state", "due_at"),
    sa.Index(None, "person", "contact", "sent_at"),
)

delivery = sa.Table(  # one attempt at a notification
    "delivery",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("notification_id", ID, sa.ForeignKey("notification.id", ondelete="CASCADE"), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("started_at", SECONDS, nullable=False),
    sa.Column("ended_at", SECONDS),
    sa.Column("outcome", sa.Text, nullable=False),  # "" while it runs, and for ever if we died meanwhile
    sa.Column("reference", sa.Text, nullable=False),  # the provider's id
    sa.Column("detail", sa.Text, nullable=False),
    sa.UniqueConstraint("notification_id", "attempt"),
    sa.Index(None, "reference"),
)

ack_link = sa.Table(  # capabilities that were sent out; only their hashes are here
    "ack_link",
    METADATA,
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("incident_id", ID, sa.ForeignKey("incident.id", ondelete="CASCADE"), nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("created_at", SECONDS, nullable=False),
    sa.Column("expires_at", SECONDS, nullable=False),
    sa.Column("revoked_at", SECONDS),
    sa.Index(None, "incident_id"),
    sa.Index(None, "expires_at"),
)

user = sa.Table(
    "app_user",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("password_hash", sa.Text, nullable=False),  # argon2id, PHC string
    sa.Column("role", sa.Text, nullable=False, server_default="responder"),
    sa.Column("created_at", SECONDS, nullable=False),
)

session = sa.Table(  # sign-ins of users; only the hash of the cookie is here
    "app_session",
    METADATA,
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("user_name", sa.Text, sa.ForeignKey("app_user.name", ondelete="CASCADE"), nullable=False),
    sa.Column("created_at", SECONDS, nullable=False),
    sa.Column("expires_at", SECONDS, nullable=False),
    sa.Index(None, "expires_at"),
)

probe = sa.Table(  # one row, written to learn whether writing works again
    "probe",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("at", SECONDS, nullable=False),
)

quarantine = sa.Table(  # what could not be read, bounded
    "quarantine",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("integration", sa.Text, nullable=False),
    sa.Column("received_at", SECONDS, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
)

oncall_override = sa.Table(  # overrides of schedules that are not in the configuration: made by a user, or imported
    "oncall_override",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("schedule", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("instead_of", sa.Text, nullable=False),  # "" for whoever is on call
    sa.Column("start_at", SECONDS, nullable=False),
    sa.Column("end_at", SECONDS, nullable=False),
    sa.Column("calendar", sa.Text, nullable=False),  # the calendar it was imported from, "" for a user's own
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", SECONDS, nullable=False),
    sa.Index(None, "schedule", "end_at"),
)

step_turn = sa.Table(  # whose turn it is in steps that go round
    "step_turn",
    METADATA,
    sa.Column("policy", sa.Text, primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True),
    sa.Column("taken", sa.BigInteger, nullable=False),  # turns taken so far
)

calendar_link = sa.Table(  # capabilities to subscribe to a schedule; only their hashes are here
    "calendar_link",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("token_hash", sa.Text, nullable=False, unique=True),
    sa.Column("schedule", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),  # "" for everybody's shifts
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", SECONDS, nullable=False),
    sa.Column("expires_at", SECONDS, nullable=False),
)
