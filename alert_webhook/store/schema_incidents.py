"""The tables of what stands around incidents: maintenance, topology, digests, silences, the chain of hashes."""

import sqlalchemy as sa

from alert_webhook.store.metadata import ID, METADATA, SECONDS

maintenance = sa.Table(  # maintenance windows that are not in the configuration: made by a user
    "maintenance",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("matcher", sa.Text, nullable=False),  # JSON: labels.LabelMatch
    sa.Column("start_at", SECONDS, nullable=False),
    sa.Column("end_at", SECONDS, nullable=False),
    sa.Column("hours", sa.Text, nullable=False),  # JSON: maintenance.Hours, null where it is one stretch
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", SECONDS, nullable=False),
    sa.Column("ended_by", sa.Text, nullable=False),  # who ended it early, "" if nobody did
    sa.Index(None, "end_at"),
)

topology_link = sa.Table(  # what the topology's metric said last about who hangs from whom
    "topology_link",
    METADATA,
    sa.Column("child", sa.Text, primary_key=True),
    sa.Column("parent", sa.Text, primary_key=True),
    sa.Column("seen_at", SECONDS, nullable=False),
    sa.Index(None, "seen_at"),
)

digest = sa.Table(  # one row for each digest that was made
    "digest",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("slot_at", SECONDS, nullable=False),  # when the configuration wanted it
    sa.Column("since_at", SECONDS, nullable=False),  # it tells of what began from then on
    sa.UniqueConstraint("name", "slot_at"),
)

silence = sa.Table(  # a silence in Alertmanager for one alert of an acknowledged incident
    "silence",
    METADATA,
    sa.Column("incident_id", ID, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("alert_id", ID, primary_key=True),
    sa.Column("integration", sa.Text, nullable=False),
    sa.Column("labels", sa.Text, nullable=False),  # JSON object: what is silenced
    sa.Column("reference", sa.Text, nullable=False),  # Alertmanager's id for it, "" before the first answer
    sa.Column("wanted", sa.Boolean, nullable=False),  # whether it should stand; else it should be expired
    sa.Column("due_at", SECONDS, nullable=False),  # when Alertmanager has to be asked again; also a lease
    sa.Column("starts_at", SECONDS, nullable=False),  # Alertmanager keeps a silence's id only with its start
    sa.Index(None, "due_at"),
)

audit_link = sa.Table(  # the chain: one link for each event of a timeline, which stays when the event is forgotten
    "audit_link",
    METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),  # event, or forgotten: an incident that retention deleted
    sa.Column("incident_id", ID, nullable=False),
    sa.Column("at", SECONDS, nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # hash of the event alone
    sa.Column("hash", sa.Text, nullable=False),  # hash of the link before and of this content
    sa.Index(None, "incident_id"),
)

audit_head = sa.Table(  # one row: the end of the chain, locked by whoever makes it longer
    "audit_head",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
