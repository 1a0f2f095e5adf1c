"""Statements about the chain of hashes over the timelines."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.incidents.audit_chain import (
    EVENT,
    FORGOTTEN,
    Head,
    Link,
    Recorded,
    content_of,
    forgotten_content,
    links_after,
)
from alert_webhook.store import bulk
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import event
from alert_webhook.store.schema_incidents import audit_head, audit_link
from alert_webhook.store.statements import chunks, insert_or_keep

AT_ONCE = 500  # events sealed in one transaction: some milliseconds
PIECE = 1000
_EVENT_COLUMNS = (event.c.id, event.c.incident_id, event.c.at, event.c.kind, event.c.who, event.c.text)
_LINK_COLUMNS = tuple(audit_link.c[name] for name in Link.__struct_fields__)


class _Placed(Struct):
    """Which place in the chain an event has."""

    id: int
    seq: int


def has_unsealed(tx: Transaction) -> bool:
    """Return whether an event is not part of the chain yet."""
    return tx.execute(sa.select(event.c.id).where(event.c.seq.is_(None)).limit(1)).first() is not None


def seal(tx: Transaction) -> int:
    """Make up to `AT_ONCE` events part of the chain; return how many. None while another replica does."""
    head = _lock_head(tx, skip_locked=True)
    if head is None:
        return 0
    statement = sa.select(*_EVENT_COLUMNS).where(event.c.seq.is_(None)).order_by(event.c.id).limit(AT_ONCE)
    found = [Recorded(*row) for row in tx.execute(statement)]
    links = links_after(head, [(EVENT, each.incident_id, each.at, content_of(each)) for each in found])
    if links:
        _extend(tx, links)
        placed = [_Placed(each.id, link.seq) for each, link in zip(found, links, strict=True)]
        bulk.update(tx, event, placed, key=("id",))
    return len(found)


def forget(tx: Transaction, incident_ids: Sequence[int]) -> None:
    """Record in the chain that retention deletes these incidents; call it before they go."""
    head = _lock_head(tx, skip_locked=False) if incident_ids else None
    if head is not None:
        items = [(FORGOTTEN, id_, tx.now, forgotten_content(id_, tx.now)) for id_ in incident_ids]
        _extend(tx, links_after(head, items))


def trim(tx: Transaction, before: float) -> int:
    """Delete the oldest links up to a piece, as far as their events are gone and they are older than `before`."""
    oldest = tx.execute(sa.select(sa.func.min(event.c.seq))).scalar_one()
    first = tx.execute(sa.select(sa.func.min(audit_link.c.seq))).scalar_one()
    young = tx.execute(sa.select(sa.func.min(audit_link.c.seq)).where(audit_link.c.at >= before)).scalar_one()
    ends = [seq for seq in (oldest, young) if seq is not None]
    if first is None or not ends:
        return 0
    where = (audit_link.c.seq < min(ends)) & (audit_link.c.seq < first + PIECE)
    return int(tx.execute(audit_link.delete().where(where)).rowcount)


def head_of(tx: Transaction) -> Head:
    """Return the end of the chain."""
    row = tx.execute(sa.select(audit_head.c.seq, audit_head.c.hash)).one_or_none()
    return Head(row.seq, row.hash) if row else Head()


def links_from(tx: Transaction, after_seq: int) -> list[tuple[Link, Recorded | None]]:
    """Return the next links with the events they stand for, None where an event is gone."""
    statement = (
        sa.select(*_LINK_COLUMNS, *(each.label(f"event_{each.name}") for each in _EVENT_COLUMNS))
        .select_from(audit_link.outerjoin(event, event.c.seq == audit_link.c.seq))
        .where(audit_link.c.seq > after_seq)
        .order_by(audit_link.c.seq)
        .limit(PIECE)
    )
    return [_pair(row) for row in tx.execute(statement)]


def forgotten_among(tx: Transaction, incident_ids: Sequence[int]) -> set[int]:
    """Return which of these incidents retention deleted, by the chain itself."""
    found: set[int] = set()
    for some in chunks(sorted(set(incident_ids))):
        where = (audit_link.c.kind == FORGOTTEN) & audit_link.c.incident_id.in_(some)
        found.update(tx.execute(sa.select(audit_link.c.incident_id).where(where)).scalars())
    return found


def strangers(tx: Transaction) -> list[int]:
    """Return events, a few, that claim a place which the chain does not have."""
    joined = event.outerjoin(audit_link, event.c.seq == audit_link.c.seq)
    where = event.c.seq.is_not(None) & audit_link.c.seq.is_(None)
    return list(tx.execute(sa.select(event.c.id).select_from(joined).where(where).limit(10)).scalars())


def unsealed_before(tx: Transaction, at: float) -> int:
    """Return how many events older than this are not part of the chain."""
    where = event.c.seq.is_(None) & (event.c.at < at)
    return int(tx.execute(sa.select(sa.func.count()).select_from(event).where(where)).scalar_one())


def _lock_head(tx: Transaction, *, skip_locked: bool) -> Head | None:
    columns = sa.select(audit_head.c.seq, audit_head.c.hash)
    if tx.execute(columns).first() is None:
        tx.execute(insert_or_keep(tx, audit_head), [{"id": 1, "seq": 0, "hash": Head().hash}])
    row = tx.execute(columns.with_for_update(skip_locked=skip_locked)).one_or_none()
    return Head(row.seq, row.hash) if row else None


def _extend(tx: Transaction, links: Sequence[Link]) -> None:
    bulk.insert(tx, audit_link, links)
    tx.execute(audit_head.update().values(seq=links[-1].seq, hash=links[-1].hash))


def _pair(row: Any) -> tuple[Link, Recorded | None]:
    fields = row._mapping  # noqa: SLF001  # public; named so to keep clear of column names
    link = Link(**{name: fields[name] for name in Link.__struct_fields__})
    if fields["event_id"] is None:
        return link, None
    return link, Recorded(**{name: fields[f"event_{name}"] for name in Recorded.__struct_fields__})


def every_link(tx: Transaction) -> Iterator[list[tuple[Link, Recorded | None]]]:
    """Yield the whole chain in pieces."""
    piece = links_from(tx, 0)
    while piece:
        yield piece
        piece = links_from(tx, piece[-1][0].seq)
