"""Which values belong to which column, and what the next scrape may use of it."""

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.metric.blocks import Block
from exporters.metric.exposition import text
from exporters.snmp import ber, oid
from exporters.snmp.config.catalogue import parse
from exporters.snmp.decoding import labels, row_labels
from exporters.snmp.decoding.columns import Arrangements, Table, arrange, digest_of
from exporters.snmp.decoding.decode import samples
from exporters.snmp.decoding.labels import LabelCache
from exporters.snmp.decoding.row_labels import RowLabels
from exporters.snmp.decoding.simple_labels import SimpleLabels
from exporters.snmp.errors import WalkError
from exporters.snmp.plan import Plan

MODULES = """
modules:
  m:
    metrics:
      - {name: octets, oid: 1.3.6.1.9.1, type: counter, indexes: [{labelname: i, type: gauge}],
         lookups: [{labels: [i], labelname: alias, oid: 1.3.6.1.9.5, type: DisplayString}]}
      - {name: packets, oid: 1.3.6.1.9.2, type: counter, indexes: [{labelname: i, type: gauge}],
         lookups: [{labels: [i], labelname: alias, oid: 1.3.6.1.9.5, type: DisplayString}]}
      - {name: state, oid: 1.3.6.1.9.3, type: EnumAsStateSet, enum_values: {1: up, 2: down},
         indexes: [{labelname: i, type: gauge}]}
      - {name: kind, oid: 1.3.6.1.9.4, type: LldpPortId, indexes: [{labelname: i, type: gauge}]}
      - {name: alias, oid: 1.3.6.1.9.5, type: DisplayString, indexes: [{labelname: i, type: gauge}]}
      - {name: owner, oid: 1.3.6.1.9.6, type: gauge, indexes: [{labelname: i, type: gauge}],
         lookups: [{labels: [i], labelname: port, oid: 1.3.6.1.9.3, type: gauge},
                   {labels: [port], labelname: alias, oid: 1.3.6.1.9.5, type: OctetString}]}
"""
PLAN: Plan = parse(MODULES, "columns.yml")[0]["m"].plan
ENTRY = oid.encode("1.3.6.1.9")


def name(column: int, row: int) -> bytes:
    return ENTRY + oid.encode_arcs([column, row])


def table_of(cells: Mapping[tuple[int, int], bytes]) -> Table:
    return {name(column, row): element for (column, row), element in cells.items()}


numbers = st.integers(0, 3).map(ber.integer) | st.integers(0, 2**32).map(
    lambda value: ber.integer(value, ber.COUNTER32)
)
texts = st.sampled_from([b"", b"uplink", b"50%d", b"\xff", b'to "b"\n']).map(lambda s: ber.tlv(ber.OCTET_STRING, s))
tables = st.dictionaries(
    st.tuples(st.integers(1, 7), st.integers(1, 4) | st.just(70000)), numbers | texts, max_size=24
).map(table_of)


@settings(deadline=None, max_examples=60)
@given(st.lists(tables, min_size=2, max_size=4))
def test_what_is_remembered_never_shows(scrapes: list[Table]) -> None:
    """Each scrape with the memory of those before gives what it gives alone, in whatever order values come."""
    cache = LabelCache()
    for table in scrapes:
        assert text(samples(table, PLAN, cache)) == text(samples(table, PLAN, LabelCache()))


@settings(deadline=None, max_examples=60)
@given(tables, st.randoms())
def test_the_order_of_values_is_told_apart(table: Table, random: Random) -> None:
    shuffled = dict(random.sample(list(table.items()), len(table)))
    assert (digest_of(table) == digest_of(shuffled)) == (list(table) == list(shuffled))


def blocks(table: Table, cache: LabelCache) -> list[Block]:
    return samples(table, PLAN, cache).blocks


SMALL = {(1, 1): ber.integer(5), (1, 2): ber.integer(6), (2, 1): ber.integer(7), (2, 2): ber.integer(8),
         (5, 1): ber.tlv(4, b"uplink"), (5, 2): ber.tlv(4, b"spare")}  # fmt: skip


def test_columns_of_equal_rows_share_their_labels() -> None:
    octets, packets, _ = blocks(table_of(SMALL), LabelCache())
    assert octets.rows is packets.rows


def test_labels_are_the_same_objects_in_the_next_scrape() -> None:
    cache = LabelCache()
    first, again = blocks(table_of(SMALL), cache), blocks(table_of(SMALL), cache)
    assert all(before.rows is after.rows for before, after in zip(first, again, strict=True))


def test_only_the_renamed_port_is_rendered_again() -> None:
    cache = LabelCache()
    before = blocks(table_of(SMALL), cache)[0].rows.labels
    after = blocks(table_of(SMALL | {(5, 2): ber.tlv(4, b"backup")}), cache)[0].rows.labels
    assert after[0] is before[0]
    assert after[1] == '{alias="backup",i="2"}'


def test_a_new_port_leaves_the_labels_of_the_others() -> None:
    cache = LabelCache()
    before = blocks(table_of(SMALL), cache)[0].rows.labels
    after = blocks(table_of(SMALL | {(1, 3): ber.integer(9)}), cache)[0].rows.labels
    assert [text is before[row] for row, text in enumerate(after[:2])] == [True, True]


def test_a_column_in_several_runs_is_one() -> None:
    names = [name(1, 1), name(2, 1), name(1, 2), b"\x2b\x00", name(2, 2)]
    octets, packets = arrange(names, PLAN, b"").parts
    assert (octets.places, packets.places, octets.group) == ((0, 2), (1, 4), packets.group)


def test_another_plan_does_not_use_what_is_remembered() -> None:
    cache = LabelCache()
    blocks(table_of(SMALL), cache)
    renamed: Plan = parse(MODULES.replace("alias", "note"), "columns.yml")[0]["m"].plan
    assert samples(table_of(SMALL), renamed, cache)[0][1] == '{i="1",note="uplink"}'


def test_too_many_labels_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = LabelCache()
    monkeypatch.setattr(labels, "MOST_REMEMBERED", 6)
    assert len(blocks(table_of(SMALL), cache)) == 3
    assert len(cache) == 6
    blocks(table_of(SMALL | {(1, 3): ber.integer(9)}), cache)
    assert (len(cache), cache.arrangement) == (0, None)


def test_labels_beyond_the_bound_end_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """One long name that is looked up for every row must not fill the memory."""
    monkeypatch.setattr(row_labels, "MOST_CHARACTERS", 50)
    with pytest.raises(WalkError, match="the labels of one module"):
        samples(table_of(SMALL | {(5, 2): ber.tlv(4, b"x" * 60)}), PLAN, LabelCache())


rows_tables = st.dictionaries(
    st.tuples(st.sampled_from([1, 2, 5]), st.integers(1, 4) | st.just(70000)), numbers | texts, max_size=24
).map(table_of)


@settings(deadline=None, max_examples=100)
@given(rows_tables, st.booleans())
def test_simple_rows_have_the_labels_that_any_rows_have(table: Table, is_printable: bool) -> None:
    """What is made by the column is what is made row by row."""
    for group in arrange(table, PLAN, b"").groups:
        by_column = SimpleLabels(group, table, is_printable=is_printable)
        by_row = RowLabels(group, table, is_printable=is_printable)
        assert by_column.rows.labels == by_row.rows.labels
        own = [(place, 'a"b') for place in range(len(group.indexes))]
        assert by_column.with_own("kind", own, table) == by_row.with_own("kind", own, table)
        assert by_column.holds(table)


def test_devices_of_one_make_share_where_everything_stands() -> None:
    shared = Arrangements()
    one, other, alone = LabelCache(shared), LabelCache(shared), LabelCache()
    for cache in (one, other, alone):
        blocks(table_of(SMALL), cache)
    assert one.arrangement is other.arrangement
    assert one.arrangement is not alone.arrangement
    blocks(table_of(SMALL | {(1, 3): ber.integer(9)}), other)
    assert one.arrangement is not other.arrangement
