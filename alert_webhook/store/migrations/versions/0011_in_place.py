"""A beginning or an end changes no index of `alert`, and what was just written is not looked up again.

On PostgreSQL a changed row then stands beside the old one and no index hears of it (HOT). Foreign keys from `alert` and
`episode` cost a look-up for each row; the intake holds the incident's row, and has written the alert's, when it refers
to them, and retention takes episodes away before what they refer to.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ROOM_PERCENT = 50  # of a page is filled at first: every row in it can change once before anything is cleared away
ROOM_BEFORE = 80  # of `episode`, by revision 0010
ALERT_KEY = ("fk_alert_incident_id", "alert", "incident", "incident_id", None)
EPISODE_KEYS = (
    ("fk_episode_alert_id", "episode", "alert", "alert_id", "CASCADE"),
    ("fk_episode_incident_id", "episode", "incident", "incident_id", None),
)


def upgrade() -> None:
    op.drop_index(op.f("ix_alert_incident_id"), table_name="alert")
    op.drop_index(op.f("ix_alert_firing_last_seen_at"), table_name="alert")
    if op.get_bind().dialect.name == "postgresql":
        for name, table, *_ in (ALERT_KEY, *EPISODE_KEYS):
            op.drop_constraint(op.f(name), table, type_="foreignkey")
        for table in ("alert", "episode"):
            op.execute(sa.text(f"ALTER TABLE {table} SET (fillfactor = {ROOM_PERCENT})"))
        return
    with op.batch_alter_table("episode", recreate="always") as episode:  # first: nothing goes with a dropped `alert`
        for name, *_ in EPISODE_KEYS:
            episode.drop_constraint(op.f(name), type_="foreignkey")
    _set_labels_aside()
    with op.batch_alter_table("alert", recreate="always") as alert:
        alert.drop_constraint(op.f(ALERT_KEY[0]), type_="foreignkey")
    _put_labels_back()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name, table, to, column, ondelete in (ALERT_KEY, *EPISODE_KEYS):
            op.create_foreign_key(op.f(name), table, to, [column], ["id"], ondelete=ondelete)
        op.execute(sa.text("ALTER TABLE alert RESET (fillfactor)"))
        op.execute(sa.text(f"ALTER TABLE episode SET (fillfactor = {ROOM_BEFORE})"))
    else:
        _set_labels_aside()
        with op.batch_alter_table("alert", recreate="always") as alert:
            alert.create_foreign_key(op.f(ALERT_KEY[0]), "incident", ["incident_id"], ["id"])
        _put_labels_back()
        with op.batch_alter_table("episode", recreate="always") as episode:
            for name, _table, to, column, ondelete in EPISODE_KEYS:
                episode.create_foreign_key(op.f(name), to, [column], ["id"], ondelete=ondelete)
    op.create_index(op.f("ix_alert_firing_last_seen_at"), "alert", ["firing", "last_seen_at"], unique=False)
    op.create_index(op.f("ix_alert_incident_id"), "alert", ["incident_id"], unique=False)


def _set_labels_aside() -> None:
    """SQLite deletes what hangs under the rows of a table that is dropped, and a table is changed by a new one."""
    op.execute(sa.text("CREATE TEMPORARY TABLE labels_aside AS SELECT * FROM context_label"))


def _put_labels_back() -> None:
    op.execute(sa.text("INSERT INTO context_label SELECT * FROM labels_aside"))
    op.execute(sa.text("DROP TABLE labels_aside"))
