"""What channels report: delivery states, answers of people, hopeless addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "tracked_message",
        sa.Column("id", ID, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("notification_uid", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("ask_at", sa.Double(), nullable=True),
        sa.Column("shown_state", sa.Text(), nullable=True),
        sa.Column("show_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification_uid"],
            ["notification.uid"],
            name=op.f("fk_tracked_message_notification_uid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracked_message")),
        sa.UniqueConstraint("channel", "reference", name=op.f("uq_tracked_message_channel_reference")),
    )
    for column in ("notification_uid", "ask_at", "shown_state"):
        op.create_index(op.f(f"ix_tracked_message_{column}"), "tracked_message", [column], unique=False)
    op.create_table(
        "heard_event",
        sa.Column("id", ID, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("wrong", sa.Boolean(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heard_event")),
        sa.UniqueConstraint("channel", "event", name=op.f("uq_heard_event_channel_event")),
    )
    op.create_index(op.f("ix_heard_event_at"), "heard_event", ["at"], unique=False)
    op.create_index(op.f("ix_heard_event_channel_sender_at"), "heard_event", ["channel", "sender", "at"], unique=False)
    op.create_table(
        "hopeless_address",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "address", name=op.f("pk_hopeless_address")),
    )


def downgrade() -> None:
    op.drop_table("hopeless_address")
    op.drop_index(op.f("ix_heard_event_channel_sender_at"), table_name="heard_event")
    op.drop_index(op.f("ix_heard_event_at"), table_name="heard_event")
    op.drop_table("heard_event")
    for column in ("shown_state", "ask_at", "notification_uid"):
        op.drop_index(op.f(f"ix_tracked_message_{column}"), table_name="tracked_message")
    op.drop_table("tracked_message")
