"""Dividing a subtree: whatever changes between two scrapes, every row is read exactly once."""

import itertools
from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from exporters.snmp import ber, oid
from exporters.snmp.ber import END_OF_MIB_VIEW, V2C, Kind, Reply, Request, Steps, tlv
from exporters.snmp.fetched import Fetched
from exporters.snmp.layout import FULL_REPLY, Answered, Room, Stretch, by_column, is_cheaper, joined, pieces, room_of
from exporters.snmp.pace import Pace
from exporters.snmp.walk import stretch

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
        size = 48 + sum(4 + len(name) + len(element) for name, element in zip(behind, elements, strict=True))
        if not behind:
            behind, elements = [request.oids[0]], [tlv(END_OF_MIB_VIEW, b"")]
        return Reply(1, 0, behind, elements, elements[0][0] >= 0x80, size, 1)


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


def divided(fetched: Fetched, stretches: Sequence[Stretch]) -> list[Stretch]:
    return pieces(stretches, fetched.table, room_of(fetched.replies[ROOT], Room(60)))


OTHER = [oid.encode("1.3.6.1.2.1.1.1.0"), oid.encode("1.3.6.1.2.1.3.1"), oid.encode(f"{ENTRY}.5.1")]
rows = st.sets(st.sampled_from([*range(1, 40), 127, 128, 129, 16383, 16384, 2**21, 2**31]))


@given(before=rows, after=rows, fits=st.integers(1, 70), whole=st.booleans())
def test_rows_that_come_and_go_are_read_exactly_once(before: set[int], after: set[int], fits: int, whole: bool) -> None:
    columns = () if whole else tuple(COLUMNS)
    first = by_column(columns) or [Stretch(ROOT)]
    fetched = scraped(Table([*names(before), *OTHER], fits), first)
    parts = divided(fetched, joined(columns) or [Stretch(ROOT)])
    again = scraped(Table([*names(after), *OTHER], fits), parts)
    inside = [OTHER[2]] if whole else []
    assert sorted(again.table) == sorted([*names(after), *inside])
    assert again.returned == len(again.table), "none was counted twice"


def test_an_unchanged_table_takes_one_packet_a_piece() -> None:
    table = Table([*names(range(1, 500)), *OTHER], fits=58)
    fetched = scraped(table, by_column(COLUMNS))
    parts = divided(fetched, joined(COLUMNS))
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
        parts = divided(fetched, [Stretch(ROOT)])
        present = (present - {next(chance) * 7 % 300 for _ in range(20)}) | {300 + next(chance) for _ in range(20)}
    assert len(parts) <= 1.5 * (len(names(present)) / 58 + 1)


def test_a_piece_is_what_fits_into_a_reply() -> None:
    table = {name: ber.tlv(4, b"x" * 40) for name in names(range(1, 101), COLUMNS[:2])}
    each = 4 + len(COLUMNS[0]) + 1 + 42
    parts = pieces(joined(COLUMNS[:2]), table, Room(60))
    assert [part.values for part in parts[:-1]] == [(FULL_REPLY - 48) // each] * (len(parts) - 1)
    assert sum(part.values for part in parts) == len(table) + 1
    assert [part.start for part in parts[1:]] == [name for name in table if oid.order(name) in {p.until for p in parts}]
    assert max(part.values for part in pieces(joined(COLUMNS[:2]), table, Room(7))) == 7


def test_the_room_is_what_the_device_showed() -> None:
    known = Room(60)
    assert room_of([], known) == known
    assert room_of([Answered(10, 480, True), Answered(3, 1300, False)], known) == Room(10, 480)
    assert room_of([Answered(3, 300, False)], Room(10, 480)) == Room(10, 480)


def test_a_few_columns_of_many_are_cheaper_alone() -> None:
    everything = names(range(1, 100), [oid.encode(f"{ENTRY}.{column}") for column in range(1, 23)])
    few, most = COLUMNS[3:], [oid.encode(f"{ENTRY}.{column}") for column in range(1, 21)]
    packets = len(everything) // 58 + 1
    assert is_cheaper(few, everything, packets=packets)
    assert not is_cheaper(most, everything, packets=packets)
    assert not is_cheaper((), everything, packets=packets)
    assert not is_cheaper(few, [], packets=1)
