"""Dividing a subtree: whatever changes between two scrapes, every row is read exactly once."""

import itertools
from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from exporters.snmp import ber, oid
from exporters.snmp.ber import END_OF_MIB_VIEW, V2C, Kind, Reply, Request, Steps, tlv
from exporters.snmp.layout import Answered, Stretch, by_column, is_cheaper, joined, pieces
from exporters.snmp.walk import Fetched, Pace, stretch

ROOT = oid.encode("1.3.6.1.2.1.2")
ENTRY = "1.3.6.1.2.1.2.2.1"
COLUMNS = [oid.encode(f"{ENTRY}.{column}") for column in (1, 2, 3, 8, 10)]


class Table:
    """An agent of the purest kind: names in order, as many in a reply as are asked for and fit."""

    def __init__(self, names: Iterable[bytes], fits: int = 60) -> None:
        self.names = sorted(names, key=oid.order)
        self.fits = fits
        self.packets = 0

    def run(self, steps: Steps) -> None:
        for request in _driven(steps, self.answer):
            assert request.kind is Kind.GET_BULK

    def answer(self, request: Request) -> Reply:
        self.packets += 1
        key = oid.order(request.oids[0])
        behind = [name for name in self.names if oid.order(name) > key][: min(request.repetitions, self.fits)]
        elements = [ber.integer(1) for _ in behind]
        if not behind:
            behind, elements = [request.oids[0]], [tlv(END_OF_MIB_VIEW, b"")]
        return Reply(1, 0, behind, elements, elements[0][0] >= 0x80, 20 * len(behind), 1)


def _driven(steps: Steps, answer: object) -> Iterable[Request]:
    try:
        request = next(steps)
        while True:
            yield request
            request = steps.send(answer(request))  # type: ignore[operator]
    except StopIteration:
        return


def names(rows: Iterable[int], columns: Sequence[bytes] = COLUMNS) -> list[bytes]:
    return [column + oid.encode_arcs([row]) for column, row in itertools.product(columns, rows)]


def scraped(table: Table, parts: Sequence[Stretch], repetitions: int = 60) -> Fetched:
    fetched = Fetched(table={})
    for part in parts:
        table.run(stretch(ROOT, part, fetched, version=V2C, pace=Pace(repetitions)))
    fetched.join()
    return fetched


OTHER = [oid.encode("1.3.6.1.2.1.1.1.0"), oid.encode("1.3.6.1.2.1.3.1"), oid.encode(f"{ENTRY}.5.1")]
rows = st.sets(st.sampled_from([*range(1, 40), 127, 128, 129, 16383, 16384, 2**21, 2**31]))


@given(before=rows, after=rows, fits=st.integers(1, 70), whole=st.booleans())
def test_rows_that_come_and_go_are_read_exactly_once(before: set[int], after: set[int], fits: int, whole: bool) -> None:
    columns = () if whole else tuple(COLUMNS)
    first = by_column(columns) or [Stretch(ROOT)]
    fetched = scraped(Table([*names(before), *OTHER], fits), first)
    parts = pieces(joined(columns) or [Stretch(ROOT)], fetched.replies[ROOT], most=60)
    again = scraped(Table([*names(after), *OTHER], fits), parts)
    inside = [OTHER[2]] if whole else []
    assert sorted(again.table) == sorted([*names(after), *inside])
    assert again.returned == len(again.table), "none was counted twice"


def test_an_unchanged_table_takes_one_packet_a_piece() -> None:
    table = Table([*names(range(1, 500)), *OTHER], fits=58)
    fetched = scraped(table, by_column(COLUMNS))
    parts = pieces(joined(COLUMNS), fetched.replies[ROOT], most=60)
    table.packets = 0
    again = scraped(table, parts)
    assert table.packets == len(parts)
    assert again.table == fetched.table
    least = -(-5 * 499 // 58)
    assert least <= len(parts) <= least * 1.25


def test_pieces_do_not_crumble_over_changes() -> None:
    chance = iter(range(1, 10_000))
    present = set(range(1, 300))
    parts = [Stretch(ROOT)]
    for _ in range(12):
        table = Table(names(present), fits=58)
        fetched = scraped(table, parts)
        parts = pieces([Stretch(ROOT)], fetched.replies[ROOT], most=60)
        present = (present - {next(chance) * 7 % 300 for _ in range(20)}) | {300 + next(chance) for _ in range(20)}
    assert len(parts) <= 1.5 * (len(names(present)) / 58 + 1)


def test_small_neighbours_become_one_piece() -> None:
    one, two, three = (name for name in names([1, 2, 3], COLUMNS[:1]))
    replies = [Answered(COLUMNS[0], one, 10, 200), Answered(one, two, 10, 200), Answered(two, three, 50, 1000)]
    found = pieces([Stretch(COLUMNS[0], b"\xff")], replies, most=60)
    assert [(part.start, part.values) for part in found] == [(COLUMNS[0], 20), (two, 51)]


def test_a_few_columns_of_many_are_cheaper_alone() -> None:
    everything = names(range(1, 100), [oid.encode(f"{ENTRY}.{column}") for column in range(1, 23)])
    few, most = COLUMNS[3:], [oid.encode(f"{ENTRY}.{column}") for column in range(1, 21)]
    packets = len(everything) // 58 + 1
    assert is_cheaper(few, everything, packets=packets)
    assert not is_cheaper(most, everything, packets=packets)
    assert not is_cheaper((), everything, packets=packets)
    assert not is_cheaper(few, [], packets=1)
