"""Statements about addresses that their provider called hopeless."""

from collections.abc import Collection

import sqlalchemy as sa

from alert_webhook.store.database import Transaction
from alert_webhook.store.schema_channels import hopeless_address
from alert_webhook.store.statements import insert_or_replace

Address = tuple[str, str]  # a channel, and an address that it reaches
_REASONS = sa.select(hopeless_address.c.channel, hopeless_address.c.address, hopeless_address.c.reason).where(
    hopeless_address.c.address.in_(sa.bindparam("addresses", expanding=True)),
    hopeless_address.c.since > sa.bindparam("since"),
)


def mark(tx: Transaction, channel: str, address: str, reason: str) -> None:
    """Remember that nothing can reach an address; what was known before is replaced."""
    row = {"channel": channel, "address": address, "reason": reason, "since": tx.now}
    statement = insert_or_replace(tx, hopeless_address, ("channel", "address"), ("reason", "since"))
    tx.execute(statement.values(row))


def clear(tx: Transaction, channel: str, address: str) -> None:
    """Forget what was said against an address."""
    tx.execute(hopeless_address.delete().where(_is(channel, address)))


def reasons(tx: Transaction, addresses: Collection[Address], *, since: float) -> dict[Address, str]:
    """Return why nothing is sent to those of these (channel, address) pairs of which a provider said so lately."""
    wanted = sorted({address for _, address in addresses})
    rows = tx.execute(_REASONS, {"addresses": wanted, "since": since}) if wanted else ()
    return {(row.channel, row.address): row.reason for row in rows if (row.channel, row.address) in addresses}


def counts(tx: Transaction, *, since: float) -> dict[str, int]:
    """Return by channel how many addresses nothing is sent to."""
    statement = (
        sa.select(hopeless_address.c.channel, sa.func.count())
        .where(hopeless_address.c.since > since)
        .group_by(hopeless_address.c.channel)
    )
    return {str(channel): int(number) for channel, number in tx.execute(statement)}


def _is(channel: str, address: str) -> sa.ColumnElement[bool]:
    return (hopeless_address.c.channel == channel) & (hopeless_address.c.address == address)
