"""The request plan: what is merged, what never is, and how it prints."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.modbus.address import Place, Table
from exporters.modbus.plan import Block, Limits, Span, describe, plan


def spans(*places: tuple[int, int], table: Table = Table.HOLDING) -> list[Span]:
    return [Span(Place(table, address), count, f"m{address}") for address, count in places]


def ranges(blocks: tuple[Block, ...]) -> list[tuple[int, int]]:
    return [(block.address, block.count) for block in blocks]


@pytest.mark.parametrize(
    ("wanted", "limits", "expected"),
    [
        ([(0, 2), (2, 2)], Limits(), [(0, 4)]),
        ([(2, 2), (0, 2)], Limits(), [(0, 4)]),
        ([(0, 2), (3, 1)], Limits(), [(0, 2), (3, 1)]),  # register 2 was not asked for: never read by default
        ([(0, 2), (3, 1)], Limits(max_gap=1), [(0, 4)]),
        ([(0, 2), (4, 1)], Limits(max_gap=1), [(0, 2), (4, 1)]),
        ([(0, 1), (0, 1)], Limits(), [(0, 1)]),  # two bits of one register
        ([(0, 4), (1, 1)], Limits(), [(0, 4)]),
        ([(0, 60), (60, 60), (120, 6)], Limits(), [(0, 120), (120, 6)]),
        ([(0, 2), (2, 2), (4, 2)], Limits(max_registers=4), [(0, 4), (4, 2)]),
        ([(0, 2), (2, 4)], Limits(max_registers=4), [(0, 2), (2, 4)]),  # a value is never split
        ([(0, 2), (2, 2)], Limits(boundaries=(2,)), [(0, 2), (2, 2)]),
    ],
)
def test_merging(wanted: list[tuple[int, int]], limits: Limits, expected: list[tuple[int, int]]) -> None:
    assert ranges(plan(spans(*wanted), limits)) == expected


def test_tables_are_never_merged() -> None:
    mixed = [*spans((0, 1), table=Table.INPUT), *spans((1, 1), table=Table.HOLDING)]
    assert [str(block) for block in plan(mixed)] == ["fc 3 holding 1..1", "fc 4 input 0..0"]


def test_bits_have_a_limit_of_their_own() -> None:
    wanted = spans(*[(address, 1) for address in range(2001)], table=Table.COIL)
    assert ranges(plan(wanted)) == [(0, 2000), (2000, 1)]


@pytest.mark.parametrize(
    ("wanted", "limits", "message"),
    [
        ((0, 8), Limits(max_registers=4), "m0: 8 registers do not fit in a request of 1 to 4"),
        ((65_535, 2), Limits(), "m65535: ends at 65536, after the last address 65535"),
        ((9, 2), Limits(boundaries=(10,)), "m9: reaches across the boundary at 10"),
    ],
)
def test_impossible_span_is_refused(wanted: tuple[int, int], limits: Limits, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        plan(spans(wanted), limits)
    assert str(caught.value) == message


def test_plan_prints_what_will_be_asked() -> None:
    wanted = spans((0, 2), (2, 2), (70, 2), table=Table.INPUT)
    assert describe(plan(wanted), wanted) == (
        "1: fc 4 input 0..3 (300001..300004), 4 registers: m0, m2\n"
        "2: fc 4 input 70..71 (300071..300072), 2 registers: m70"
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from([1, 2, 4])), max_size=40),
    st.integers(4, 125),
    st.integers(0, 5),
)
def test_every_plan_serves_all_and_reads_no_more_than_allowed(
    wanted: list[tuple[int, int]], most: int, gap: int
) -> None:
    places = spans(*wanted)
    blocks = plan(places, Limits(max_registers=most, max_gap=gap))
    assert sorted(i for block in blocks for i in block.spans) == list(range(len(places)))
    for block in blocks:
        assert 1 <= block.count <= most
        served = [places[i] for i in block.spans]
        assert all(block.address <= s.place.address and s.end <= block.address + block.count for s in served)
        asked = {a for s in served for a in range(s.place.address, s.end)}
        if gap == 0:
            assert len(asked) == block.count
