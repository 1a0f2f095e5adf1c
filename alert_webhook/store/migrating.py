"""Bringing a database to this version's schema, and noticing that a newer version was there."""

import os
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import exc

from alert_webhook.errors import SchemaTooNewError, StoreUnavailableError
from alert_webhook.failpoints import AFTER_MIGRATE_COMMIT, BEFORE_MIGRATE, BEFORE_MIGRATE_COMMIT, migrated
from alert_webhook.store.database import Transaction, reason_of
from alert_webhook.store.opening import nothing

ADVISORY_LOCK = 0x6865726F6E77  # "heronw": one number that all replicas agree on
MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.Text))


def migrate(engine: sa.Engine, *, failpoint: Callable[[str], None] = nothing) -> None:
    """Create or upgrade the schema, one process at a time; SchemaTooNewError when a newer version owns the database.

    All or nothing: every step shares one transaction, on SQLite too. Tests stop the process at `failpoint`.
    """
    config = _alembic()
    try:
        with engine.connect() as raw:
            connection = raw.execution_options(heronwatch_writer=True)
            with connection.begin():
                _lock(connection)
                _refuse_newer(connection, config)
                config.attributes["connection"] = connection
                config.attributes["after_step"] = lambda step: failpoint(migrated(step))
                failpoint(BEFORE_MIGRATE)
                command.upgrade(config, "head")
                failpoint(BEFORE_MIGRATE_COMMIT)
        failpoint(AFTER_MIGRATE_COMMIT)
    except exc.DBAPIError as error:
        raise StoreUnavailableError(f"cannot use the {_named(engine)}: {reason_of(error)}{_remedy(engine)}") from error


def newest_revision() -> str:
    """Return the schema revision that this code is written for."""
    return ScriptDirectory.from_config(_alembic()).get_current_head() or ""


def revision(tx: Transaction) -> str:
    """Return the schema revision that the database is at."""
    return str(tx.execute(sa.select(_VERSION.c.version_num)).scalar_one())


def _named(engine: sa.Engine) -> str:
    """Return which database it is; never the user or the password."""
    url = engine.url
    return f"database {url.database}" + (f" at {url.host}:{url.port}" if url.host else "")


def _remedy(engine: sa.Engine) -> str:
    """Say what to do about the folder of a SQLite file, "" when it is not the folder's fault."""
    if engine.dialect.name != "sqlite":
        return ""
    folder = Path(str(engine.url.database)).absolute().parent
    if not folder.is_dir():
        return f" (make its folder {folder}, or name another file under database.sqlite)"
    return "" if os.access(folder, os.W_OK) else f" (this user may not write in {folder})"


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _lock(connection: sa.Connection) -> None:
    """Wait for other migrating processes; on SQLite BEGIN IMMEDIATE has done so."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def _refuse_newer(connection: sa.Connection, config: Config) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise SchemaTooNewError(
            f"the database is at schema {current}, which this version does not know (it knows up to "
            f"{newest_revision()}): a newer heronwatch upgraded it; run that one, or restore a backup from before"
        )
