"""Two answers compared: what is missing, extra or different is each found, and nothing else is."""

import pytest

from benchmarks.exposition import Answer, compare, parse

BODY = """\
# HELP ifInOctets Octets in.
# TYPE ifInOctets counter
ifInOctets{ifIndex="1"} 5e+06
ifInOctets{ifIndex="2"} NaN
# HELP snmp_scrape_pdus_returned Values.
# TYPE snmp_scrape_pdus_returned gauge
snmp_scrape_pdus_returned{module="if_mib"} 41
"""


def test_the_same_in_other_words_is_the_same() -> None:
    found = compare(parse(200, BODY.replace("5e+06", "5000000").replace("} 41", "} 17")), parse(200, BODY))
    assert not found
    assert parse(200, BODY).types == {"ifInOctets": "counter"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('ifInOctets{ifIndex="2"} NaN\n', "", (1, 0, 0, 0)),
        ("NaN\n", 'NaN\nifInOctets{ifIndex="3"} 1\n', (0, 1, 0, 0)),
        ('ifIndex="2"', 'ifIndex="3"', (1, 1, 0, 0)),
        ("5e+06", "5000001", (0, 0, 1, 0)),
        ("NaN", "1", (0, 0, 1, 0)),
        ("ifInOctets counter", "ifInOctets gauge", (0, 0, 1, 0)),
        ("Octets in", "Octets out", (0, 0, 0, 1)),
    ],
)
def test_each_kind_of_difference_is_found(old: str, new: str, expected: tuple[int, int, int, int]) -> None:
    assert old in BODY
    found = compare(parse(200, BODY.replace(old, new)), parse(200, BODY))
    assert (len(found.missing), len(found.extra), len(found.different), len(found.helps)) == expected


@pytest.mark.parametrize(("ours", "theirs", "different"), [(500, 500, 0), (200, 500, 1), (500, 200, 1), (403, 500, 1)])
def test_failures_are_compared_by_their_status(ours: int, theirs: int, different: int) -> None:
    assert len(compare(parse(ours, BODY), parse(theirs, BODY)).different) == different


def test_a_failure_keeps_its_reason() -> None:
    assert parse(500, "error collecting metric\n") == Answer(500, reason="error collecting metric")
