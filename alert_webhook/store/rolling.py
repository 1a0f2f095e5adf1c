"""Which release's engine may work here: during a rolling upgrade the older ones stop, as GoAlert's do.

Every transaction of the engine holds a shared lock and reads both versions under it; a migration, and an engine that
announces itself, hold the same lock alone. So no step of an old engine is under way when a new one begins, and none
begins later. On SQLite, where writers take turns, the transaction itself is that lock.
"""

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.errors import SchemaTooNewError
from alert_webhook.store import clock_step
from alert_webhook.store.database import Transaction
from alert_webhook.store.migrating import ADVISORY_LOCK
from alert_webhook.store.schema_engine import engine_version
from alert_webhook.store.statements import insert_or_replace

ENGINE_VERSION = 1  # one more where two releases' engines must not work on one database, though its schema is the same
SEEN_FOR_S = 120.0  # an engine that did not announce itself for so long is gone: after a step back the older one works
_SHARED, _ALONE = "SELECT pg_advisory_xact_lock_shared(:key)", "SELECT pg_advisory_xact_lock(:key)"
_REVISION = sa.text("SELECT version_num FROM alembic_version")
_NEWEST = sa.select(sa.func.max(engine_version.c.version)).where(engine_version.c.seen_at > sa.bindparam("since"))


class Release(Struct, frozen=True):
    """What this release knows: the schema, and its engine's version."""

    revision: str
    version: int = ENGINE_VERSION


def hold(tx: Transaction, ours: Release) -> None:
    """Begin engine work in this transaction; SchemaTooNewError where a newer release owns the database."""
    _lock(tx, _SHARED)
    check(tx, ours)


def check(tx: Transaction, ours: Release) -> None:
    """SchemaTooNewError where a newer release owns the database; without the lock this may be past in a moment."""
    refuse_newer(tx, ours)  # before anything else is read: what a newer schema has is unknown
    newest = tx.execute(_NEWEST, {"since": tx.now - SEEN_FOR_S}).scalar_one()
    if newest is not None and newest > ours.version:
        raise SchemaTooNewError(
            f"an engine of version {newest} works on this database, this one is version {ours.version}: a newer "
            "heronwatch is there; this one accepts alerts but escalates and sends nothing"
        )


def look(tx: Transaction, ours: Release) -> bool:
    """Check, and return whether the clock was set back, so that `announce` has something to follow."""
    check(tx, ours)
    return clock_step.set_back_by(tx) > 0


def refuse_newer(tx: Transaction, ours: Release) -> None:
    """SchemaTooNewError where the database is at a newer schema than ours."""
    found = str(tx.execute(_REVISION).scalar_one())
    if found > ours.revision:
        raise SchemaTooNewError(
            f"the database is at schema {found}, this version works with {ours.revision}: a newer heronwatch "
            "upgraded it; this one accepts alerts but escalates and sends nothing"
        )


def announce(tx: Transaction, ours: Release) -> None:
    """Say that an engine of this version works here: older ones stop; SchemaTooNewError where this is the older one."""
    _lock(tx, _ALONE)
    refuse_newer(tx, ours)
    if by_s := clock_step.set_back_by(tx):
        clock_step.follow(tx, by_s)
    check(tx, ours)
    statement = insert_or_replace(tx, engine_version, ("version",), ("seen_at",))
    tx.execute(statement.values(version=ours.version, seen_at=tx.now))


def _lock(tx: Transaction, statement: str) -> None:
    if tx.postgresql:
        tx.execute(sa.text(statement), {"key": ADVISORY_LOCK})
