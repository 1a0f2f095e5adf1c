"""Alembic's entry: runs inside the transaction that `store.migrating` opened and locked."""

from alembic import context

from alert_webhook.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite alters tables by copying them
    transactional_ddl=True,
)
context.run_migrations()
