"""Whether the database takes changes: asked by /-/ready."""

import sqlalchemy as sa

from alert_webhook.errors import StoreUnavailableError
from alert_webhook.store.database import Store, Transaction
from alert_webhook.store.schema import probe
from alert_webhook.store.statements import insert_or_replace


def trouble(store: Store) -> str:
    """Return why the database does not take changes, "" if it does. Writes only after a change was refused."""
    try:
        if store.write_trouble:
            store.write(_write, "probe")
            store.write_trouble = ""
        store.read(lambda tx: tx.execute(sa.select(1)).scalar_one())
    except StoreUnavailableError as error:
        return str(error)
    return ""


def _write(tx: Transaction) -> None:
    tx.execute(insert_or_replace(tx, probe, ("id",), ("at",)).values(id=1, at=tx.now))
