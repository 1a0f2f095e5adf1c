"""Suppression, maintenance windows, the hash chain of the timeline, silences."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
UNSEALED = sa.text("seq IS NULL")


def upgrade() -> None:
    op.add_column("incident", sa.Column("ack_remind_at", sa.Double(), nullable=True))
    op.add_column("incident", sa.Column("ack_ends_at", sa.Double(), nullable=True))
    op.add_column("incident", sa.Column("assigned_to", sa.Text(), nullable=False, server_default=""))
    op.add_column("incident", sa.Column("suppressed_by", sa.Text(), nullable=False, server_default=""))
    op.add_column("incident", sa.Column("parent_id", ID, nullable=True))
    op.create_index(op.f("ix_incident_parent_id"), "incident", ["parent_id"], unique=False)
    op.create_index(op.f("ix_incident_urgency_started_at"), "incident", ["urgency", "started_at"], unique=False)
    op.add_column("event", sa.Column("seq", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_event_seq"), "event", ["seq"], unique=True)
    op.create_index("ix_event_unsealed", "event", ["id"], sqlite_where=UNSEALED, postgresql_where=UNSEALED)
    _maintenance()
    _topology_and_digests()
    _silences()
    _audit()


def _maintenance() -> None:
    op.create_table(
        "maintenance",
        sa.Column("id", ID, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("matcher", sa.Text(), nullable=False),
        sa.Column("start_at", sa.Double(), nullable=False),
        sa.Column("end_at", sa.Double(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
    )
    op.create_index(op.f("ix_maintenance_end_at"), "maintenance", ["end_at"], unique=False)


def _topology_and_digests() -> None:
    op.create_table(
        "topology_link",
        sa.Column("child", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("child", "parent", name=op.f("pk_topology_link")),
    )
    op.create_index(op.f("ix_topology_link_seen_at"), "topology_link", ["seen_at"], unique=False)
    op.create_table(
        "digest",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slot_at", sa.Double(), nullable=False),
        sa.Column("since_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest")),
        sa.UniqueConstraint("name", "slot_at", name=op.f("uq_digest_name_slot_at")),
    )


def _silences() -> None:
    incident = sa.ForeignKeyConstraint(
        ["incident_id"], ["incident.id"], name=op.f("fk_silence_incident_id"), ondelete="CASCADE"
    )
    op.create_table(
        "silence",
        sa.Column("incident_id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("starts_at", sa.Double(), nullable=False),
        incident,
        sa.PrimaryKeyConstraint("incident_id", "alert_id", name=op.f("pk_silence")),
    )
    op.create_index(op.f("ix_silence_due_at"), "silence", ["due_at"], unique=False)


def _audit() -> None:
    op.create_table(
        "audit_link",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("incident_id", ID, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_link")),
    )
    op.create_index(op.f("ix_audit_link_incident_id"), "audit_link", ["incident_id"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )


def downgrade() -> None:
    for table in ("audit_head", "audit_link", "silence", "digest", "topology_link", "maintenance"):
        op.drop_table(table)
    op.drop_index("ix_event_unsealed", table_name="event")
    op.drop_index(op.f("ix_event_seq"), table_name="event")
    op.drop_column("event", "seq")
    op.drop_index(op.f("ix_incident_urgency_started_at"), table_name="incident")
    op.drop_index(op.f("ix_incident_parent_id"), table_name="incident")
    for column in ("parent_id", "suppressed_by", "assigned_to", "ack_ends_at", "ack_remind_at"):
        op.drop_column("incident", column)
