"""Labels and static tables kept between scrapes, and the proof that they still hold. Pure.

They are dropped at once when the device has rebooted (its up-time fell behind the clock, or its engine counts another
boot), when ifTableLastChange moved, when the set of rows changed, and when they are too old. Of a device that does not
tell its up-time nothing is kept.
"""

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from exporters.snmp import oid
from exporters.snmp.ber import NO_SUCH_OBJECT, Element, Reply, unpacked
from exporters.snmp.decoding.columns import Table, column_of
from exporters.snmp.decoding.values import whole
from exporters.snmp.plan import Plan

SYS_UP_TIME = oid.encode("1.3.6.1.2.1.1.3.0")  # RFC 3418, hundredths of a second
IF_TABLE_LAST_CHANGE = oid.encode("1.3.6.1.2.1.31.1.5.0")  # RFC 2863, sysUpTime of the last row made or removed
ENGINE_BOOTS = oid.encode("1.3.6.1.6.3.10.2.1.2.0")  # RFC 3411
PROOF = (SYS_UP_TIME, IF_TABLE_LAST_CHANGE, ENGINE_BOOTS)

SLACK_S = 2.0
SLACK_SHARE = 0.001
"""How far a device's clock may fall behind ours without having rebooted: a moment, and a thousandth of the time."""

Rows = Mapping[bytes, frozenset[bytes]]
"""By table (the OID of its rows): the indexes."""


class Boot(Struct, frozen=True):
    """What a device said of itself at `at` (monotonic seconds): `up_s` seconds since its start, and two marks."""

    at: float
    up_s: float
    last_change: Element | None
    boots: Element | None


class Kept(Struct, frozen=True):
    """Values read at `at`, in the boot `boot`, when the tables had `rows`."""

    at: float
    boot: Boot
    rows: Rows
    values: Table


def boot_of(reply: Reply, at: float) -> Boot | None:
    """Return what a reply to PROOF says; None from a device that does not tell its up-time."""
    found = {
        name: value
        for name, value in zip(reply.names, reply.elements, strict=True)
        if not reply.status and value[0] < NO_SUCH_OBJECT
    }
    up_time = found.get(SYS_UP_TIME)
    if up_time is None:
        return None
    return Boot(at, whole(unpacked(up_time)) / 100, found.get(IF_TABLE_LAST_CHANGE), found.get(ENGINE_BOOTS))


def is_same_boot(before: Boot, now: Boot) -> bool:
    """Say whether a device has run from one look to the other.

    >>> is_same_boot(Boot(0, 100, None, None), Boot(60, 160, None, None))
    True
    >>> is_same_boot(Boot(0, 100, None, None), Boot(60, 130, None, None))
    False
    """
    passed = now.at - before.at
    due = before.up_s + passed - SLACK_S - passed * SLACK_SHARE
    return now.up_s >= max(due, before.up_s) and before.boots == now.boots


def is_unchanged(before: Boot, now: Boot) -> bool:
    """Say whether no interface came or went between two looks, as far as the device tells."""
    return before.last_change == now.last_change


def keepable(plan: Plan, static: Iterable[bytes]) -> frozenset[bytes]:
    """Return the columns that may be kept: those that serve labels alone, and those of the tables named static."""
    tables = tuple(static)
    columns = {column for root in plan.roots.values() for column in root.columns}
    labels = {column for root in plan.roots.values() for column in root.labels}
    return frozenset(labels | {column for column in columns if column.startswith(tables)})


def rows_of(table: Table, plan: Plan, without: Collection[bytes]) -> Rows:
    """Return the indexes of every table that was read, by the columns that are not kept."""
    found: dict[bytes, set[bytes]] = {}
    prefix, size = b"\xff\xff\xff", 0
    rows: set[bytes] = set()
    for name in table:
        if not name.startswith(prefix):
            column = column_of(name, plan)
            if column is None or column.oid in without:
                continue
            prefix, size = column.oid, len(column.oid)
            rows = found.setdefault(_entry(column.oid), set())
        rows.add(name[size:])
    return {entry: frozenset(indexes) for entry, indexes in found.items()}


def _entry(column: bytes) -> bytes:
    return oid.encode_arcs(oid.decode_arcs(column)[:-1])


def values_of(table: Table, columns: Collection[bytes]) -> Table:
    """Return the values of these columns."""
    prefixes = tuple(columns)
    return {name: value for name, value in table.items() if name.startswith(prefixes)}
