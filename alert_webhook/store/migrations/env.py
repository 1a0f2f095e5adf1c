"""Alembic's entry: runs inside the transaction that `store.migrating` opened and locked."""

from alembic import context

from alert_webhook.store import (  # noqa: F401  # joins the metadata
    schema_accounts,
    schema_calendars,
    schema_channels,
    schema_engine,
    schema_incidents,
    schema_intake,
)
from alert_webhook.store.schema import METADATA

after_step = context.config.attributes.get("after_step", lambda _revision: None)
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite alters tables by copying them
    transactional_ddl=True,
    on_version_apply=lambda *, step, **_: after_step(step.up_revision_id),
)
context.run_migrations()
