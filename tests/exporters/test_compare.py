"""What differs between two answers, and what only moved while they were read."""

import math

import pytest

from exporters.compare import Difference, NotExpositionError, Scrape, agree, differences, lasting, parsed, series_text

BODY = """\
# HELP ifInOctets Octets.
# TYPE ifInOctets counter
ifInOctets{ifIndex="1",ifName="a\\"b"} 100
ifInOctets{ifName="",ifIndex="2"} 1e+06
# TYPE sysUpTime gauge
sysUpTime 5
snmp_scrape_pdus_returned{module="m"} 3
"""


def scrape(*lines: str, **types: str) -> Scrape:
    return Scrape(parsed("\n".join(lines)).samples, types)


def found(before: Scrape, new: Scrape, after: Scrape | None = None) -> list[tuple[str, str, str, str]]:
    return [(d.kind, d.series, d.old, d.new) for d in differences(before, new, after or before)]


def test_text_is_read_with_labels_in_order_and_without_empty_ones() -> None:
    read = parsed(BODY, skip=lambda name: name.startswith("snmp_scrape_"))
    assert {series_text(series): value for series, value in read.samples.items()} == {
        'ifInOctets{ifIndex="1",ifName="a\\"b"}': 100,
        'ifInOctets{ifIndex="2"}': 1e6,
        "sysUpTime": 5,
    }
    assert read.types == {"ifInOctets": "counter", "sysUpTime": "gauge"}


@pytest.mark.parametrize("body", ["<html>", "a{b} one", "a one"])
def test_text_that_is_no_exposition_is_told(body: str) -> None:
    with pytest.raises(NotExpositionError, match="line 1 "):
        parsed(body)


@pytest.mark.parametrize(
    ("before", "new", "after", "counter", "expected"),
    [
        (5, 5, 5, True, True),
        (5, 6, 5, True, False),  # stood still at the old one
        (5, 6, 5, False, False),
        (100, 150, 200, True, True),
        (100, 201, 200, True, False),  # a counter that is beyond both
        (100, 99, 200, True, False),
        (20.0, 21.5, 21.0, False, True),  # a gauge as far beyond as it moved
        (20.0, 23.0, 21.0, False, False),
        (2**32 - 10, 2**32 - 3, 5, True, True),  # before the wrap
        (2**32 - 10, 3, 5, True, True),  # after it
        (2**32 - 10, 500, 5, True, False),
        (1000, 2, 7, True, True),  # the device started anew
        (math.nan, math.nan, math.nan, False, True),
        (1.0, math.nan, 2.0, False, False),
        (1.0, math.inf, 2.0, False, False),
    ],
)
def test_value_between_two_readings(before: float, new: float, after: float, counter: bool, expected: bool) -> None:
    assert agree(before, new, after, counter=counter) is expected


def test_missing_extra_and_different_samples() -> None:
    old = scrape('a{i="1"} 1', 'b{i="1"} 1', "c 1")
    assert found(old, scrape('a{i="1"} 2', 'd{i="1"} 1', "c 1")) == [
        ("missing", 'b{i="1"}', "1", ""),
        ("extra", 'd{i="1"}', "", "1"),
        ("value", 'a{i="1"}', "1", "2"),
    ]


def test_changed_label_is_told_once_and_not_as_missing_and_extra() -> None:
    old = scrape('a{i="1",name="eth0"} 1', 'a{i="2",name="eth1"} 1')
    new = scrape('a{i="1",name="Ethernet0"} 1', 'a{i="2"} 1')
    assert found(old, new) == [
        ("labels", 'a{i="1"}', 'name="eth0"', 'name="Ethernet0"'),
        ("labels", 'a{i="2"}', 'name="eth1"', "no such label"),
    ]


def test_series_without_a_label_in_common_are_not_paired() -> None:
    assert [kind for kind, *_ in found(scrape('a{i="1"} 1'), scrape('a{i="2"} 1'))] == ["missing", "extra"]


def test_type_that_differs_is_told() -> None:
    assert found(scrape("a 1", a="counter"), scrape("a 1", a="gauge")) == [("type", "a", "counter", "gauge")]


def test_row_that_came_or_went_meanwhile_is_no_difference() -> None:
    before, after = scrape('a{i="1"} 1'), scrape('a{i="2"} 1')
    assert found(before, scrape('a{i="2"} 1'), after) == []
    assert found(before, scrape(), after) == []


def test_only_what_every_round_found_lasts() -> None:
    flicker = Difference(kind="value", series="load", old="1", new="2")
    real = Difference(kind="missing", series="up", old="1")
    assert lasting([[flicker, real], [real]]) == [real]
    assert lasting([]) == []
