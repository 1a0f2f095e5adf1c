"""Statements about alerts and their episodes.

Alerts are read without locks: what a transaction changes is changed only where it still is as it was read, and whoever
loses that race runs again, with locks (`Transaction.again`). So an update that says nothing new costs a read.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.errors import LostRaceError
from alert_webhook.incidents.alert import SEEN_EVERY_S, KnownAlert, Shown, TouchedAlert
from alert_webhook.incidents.episode import Life
from alert_webhook.incidents.flapping import Flaps
from alert_webhook.store import bulk
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import alert, context_label, episode, incident
from alert_webhook.store.statements import chunks, insert_or_keep, json_text

MAX_PLACE_BYTES = 1000  # of a label by which alerts are found: PostgreSQL limits an entry of an index to 2704 bytes
COLUMNS = (
    "id, fingerprint, starts_ns, ended_ns, ended_seen_at, incident_id, openings, held_until, annotations,"
    " generator_url, urgency, rank, last_seen_at"
)
AMONG = {True: "= ANY (CAST(%(names)s AS text[]))", False: "IN (SELECT value FROM json_each(:names))"}
QUOTED = {True: "{{{}}}", False: "[{}]"}
CALM = Flaps()
_STARTS = msgspec.json.Decoder(tuple[int, ...])
_OPENINGS = msgspec.json.Decoder(tuple[float, ...])


def find(tx: Transaction, integration: str, fingerprints: Iterable[str]) -> dict[str, KnownAlert]:
    """Return those of these alerts that were ever seen; their rows are locked when the transaction runs again."""
    names = QUOTED[tx.postgresql].format(",".join(f'"{name}"' for name in fingerprints))
    lock = " ORDER BY fingerprint FOR UPDATE" if tx.again and tx.postgresql else ""
    where = f"integration = {tx.mark('integration')} AND fingerprint {AMONG[tx.postgresql]}"
    text = f"SELECT {COLUMNS} FROM alert WHERE {where}{lock}"  # noqa: S608  # names of our own
    return {row[1]: _known(row) for row in tx.rows(text, integration=integration, names=names)}


def save(
    tx: Transaction, integration: str, touched: Sequence[TouchedAlert], incident_ids: Mapping[str, int | None]
) -> dict[str, int]:
    """Write what a delivery made of these alerts, and return the ids of those that moved.

    `incident_ids` says by fingerprint where those that moved belong now. LostRaceError when another transaction changed
    one of them meanwhile.
    """
    moved = [each for each in touched if each.before.id and not each.quiet]
    ids = {each.before.fingerprint: each.before.id for each in moved}
    ids |= _insert(tx, integration, [each for each in touched if not each.before.id], incident_ids)
    changed = [row for each in moved if (row := _changed(tx, each, incident_ids)) is not None]
    _update(tx, [row for row in changed if not isinstance(row, _ChangedAll)])
    _update(tx, [row for row in changed if isinstance(row, _ChangedAll)])
    written = {row.id for row in changed}
    written |= _shown_anew(tx, [each for each in touched if each.quiet and not each.stale])
    _seen(tx, [each.before for each in touched if each.before.id and each.before.id not in written])
    return ids


def save_episodes(
    tx: Transaction, touched: Sequence[TouchedAlert], incident_ids: Mapping[str, int | None], ids: Mapping[str, int]
) -> None:
    """Begin, end and move the episodes of these alerts."""
    bulk.insert(tx, episode, [_episode(each, incident_ids, ids) for each in touched if each.opened])
    ended = [_Ended(each.before.id, each.life.ended_ns) for each in touched if each.closed]
    bulk.update(tx, episode, ended, key=("alert_id",), also="ended_ns IS NULL")
    bulk.update(tx, episode, list(_moved(touched, incident_ids)), key=("alert_id",), also="ended_ns IS NULL")


def save_context_labels(
    tx: Transaction, touched: Iterable[TouchedAlert], names: Sequence[str], ids: Mapping[str, int]
) -> None:
    """Remember by which labels these alerts, which are only context, are found; a value too long names no place."""
    rows = [
        {"alert_id": ids[each.before.fingerprint], "name": name, "value": each.update.labels[name]}
        for each in touched
        for name in names
        if 0 < len(each.update.labels.get(name, "").encode()) <= MAX_PLACE_BYTES
    ]
    if rows:
        tx.execute(insert_or_keep(tx, context_label), rows)


def still_firing(tx: Transaction, incident_ids: Collection[int]) -> set[int]:
    """Return which of these incidents have an alert that fires."""
    going_on = sa.exists().where(episode.c.incident_id == incident.c.id, episode.c.ended_ns.is_(None))
    found: set[int] = set()
    for some in chunks(sorted(incident_ids)):
        found.update(tx.execute(sa.select(incident.c.id).where(incident.c.id.in_(some), going_on)).scalars())
    return found


def _known(row: tuple[Any, ...]) -> KnownAlert:
    id_, fingerprint, starts, ended_ns, ended_seen_at, incident_id, openings, held_until, *shown, last_seen_at = row
    calm = openings == "[]" and held_until is None
    return KnownAlert(
        id=id_,
        fingerprint=fingerprint,
        life=Life(_STARTS.decode(starts) if starts != "[]" else (), ended_ns, ended_seen_at),
        incident_id=incident_id,
        flaps=CALM if calm else Flaps(_OPENINGS.decode(openings), held_until),
        shown=Shown(*shown),
        last_seen_at=last_seen_at,
    )


class _State(Struct, gc=False):
    """What changes in a row of `alert` besides what is shown."""

    starts_ns: str
    firing: bool
    ended_ns: int
    ended_seen_at: float
    incident_id: int | None
    openings: str
    held_until: float | None
    last_seen_at: float


class _Fresh(_State, gc=False):
    """A new row of `alert`."""

    annotations: str
    generator_url: str
    urgency: str
    rank: int
    integration: str
    fingerprint: str
    name: str
    labels: str
    first_seen_at: float


class _Changed(_State, gc=False):
    """A changed row of which the same is shown as before, and what it must still say for that."""

    id: int
    was_starts_ns: str
    was_ended_ns: int


class _ChangedAll(_Changed, gc=False):
    """A changed row of which something else is shown."""

    annotations: str
    generator_url: str
    urgency: str
    rank: int


class _ShownAnew(Struct, gc=False):
    """A row of which only what is shown changes."""

    id: int
    annotations: str
    generator_url: str
    urgency: str
    rank: int
    last_seen_at: float


class _Seen(Struct, gc=False):
    id: int
    last_seen_at: float


class _Episode(Struct, gc=False):
    """A new row of `episode`."""

    alert_id: int
    incident_id: int | None
    starts_ns: int


class _Ended(Struct, gc=False):
    alert_id: int
    ended_ns: int


class _Moved(Struct, gc=False):
    alert_id: int
    incident_id: int | None
    starts_ns: int


def _state(each: TouchedAlert, incident_id: int | None, now: float) -> tuple[Any, ...]:
    """Return the fields of `_State`."""
    life, flaps = each.life, each.flaps
    lived = (json_text(life.starts_ns), life.firing, life.ended_ns, life.ended_seen_at, incident_id)
    openings = json_text(flaps.openings) if flaps.openings else "[]"
    return (*lived, openings, flaps.held_until, now)


def _insert(
    tx: Transaction, integration: str, fresh: Sequence[TouchedAlert], incident_ids: Mapping[str, int | None]
) -> dict[str, int]:
    if not fresh:
        return {}
    in_order = sorted(fresh, key=lambda each: each.before.fingerprint)
    rows = [_fresh(tx, integration, each, incident_ids[each.before.fingerprint]) for each in in_order]
    if tx.postgresql:
        return bulk.insert_returning_ids(tx, alert, rows, "fingerprint")
    bulk.insert(tx, alert, rows)
    return {name: found.id for name, found in find(tx, integration, [row.fingerprint for row in rows]).items()}


def _fresh(tx: Transaction, integration: str, each: TouchedAlert, incident_id: int | None) -> _Fresh:
    described = (integration, each.before.fingerprint, each.name, json_text(each.update.labels))
    return _Fresh(*(*_state(each, incident_id, tx.now), *_fields(_shown(each)), *described, tx.now))


def _changed(tx: Transaction, each: TouchedAlert, incident_ids: Mapping[str, int | None]) -> _Changed | None:
    before, incident_id = each.before, incident_ids[each.before.fingerprint]
    if each.stale:
        return None
    shown = _shown(each)
    same_life = (before.life, before.flaps, before.incident_id) == (each.life, each.flaps, incident_id)
    if same_life and shown == before.shown:
        return None
    was = (before.id, json_text(before.life.starts_ns), before.life.ended_ns)
    row = (*_state(each, incident_id, tx.now), *was)
    return _Changed(*row) if shown == before.shown else _ChangedAll(*(*row, *_fields(shown)))


def _update(tx: Transaction, rows: Sequence[_Changed]) -> None:
    """Write rows of the same fields; LostRaceError where one is no longer what was read."""
    if bulk.update(tx, alert, rows, key=("id", "was_starts_ns", "was_ended_ns")) < len(rows):
        raise LostRaceError("an alert was changed by another delivery")


def _shown(each: TouchedAlert) -> Shown:
    update, severity = each.update, each.severity
    return Shown(json_text(update.annotations), update.generator_url, severity.urgency.value, severity.rank)


def _shown_anew(tx: Transaction, quiet: Iterable[TouchedAlert]) -> set[int]:
    """Write what is shown of alerts about which nothing else is new; return the ids of those where it changed."""
    pairs = ((each.before, _shown(each)) for each in quiet)
    rows = [_ShownAnew(known.id, *_fields(shown), tx.now) for known, shown in pairs if shown != known.shown]
    if bulk.update(tx, alert, rows, key=("id",)) < len(rows):
        raise LostRaceError("an alert was forgotten meanwhile")
    return {row.id for row in rows}


def _fields(shown: Shown) -> tuple[str, str, str, int]:
    return shown.annotations, shown.generator_url, shown.urgency, shown.rank


def _seen(tx: Transaction, unchanged: Iterable[KnownAlert]) -> None:
    """Move `last_seen_at` of alerts that were told nothing new, where it is too far behind."""
    ids = [each.id for each in unchanged if tx.now - each.last_seen_at >= SEEN_EVERY_S]
    bulk.update(tx, alert, [_Seen(id_, tx.now) for id_ in ids], key=("id",))


def _episode(each: TouchedAlert, incident_ids: Mapping[str, int | None], ids: Mapping[str, int]) -> _Episode:
    name = each.before.fingerprint
    return _Episode(ids[name], incident_ids[name], each.life.starts_ns[0])


def _moved(touched: Iterable[TouchedAlert], incident_ids: Mapping[str, int | None]) -> Iterator[_Moved]:
    """Yield the open episodes that began earlier than was known, or joined an incident."""
    for each in touched:
        before, now = each.before, each.life
        if not (before.life.firing and now.firing):
            continue
        incident_id = incident_ids[before.fingerprint]
        if (now.starts_ns[0], incident_id) != (before.life.starts_ns[0], before.incident_id):
            yield _Moved(before.id, incident_id, now.starts_ns[0])
