"""Which alerts are meant: patterns of people run over labels of anybody."""

import time

import pytest

from alert_webhook.incidents.blocks import MaintenanceBlock
from alert_webhook.incidents.labels import MAX_PATTERN, LabelMatch
from alert_webhook.oncall.wall import Zone

LOOKAHEAD = "(?=n).*"  # Python's engine knows it, RE2 does not


@pytest.mark.parametrize("pattern", ["(a+)+", "(a|a)*", "(.*)*b", "([a-z]+)*x"])
def test_no_pattern_holds_the_process_up(pattern: str) -> None:
    match, began = LabelMatch({}, {"instance": pattern}), time.monotonic()
    assert not match.holds({"instance": "a" * 10_000 + "!"})
    assert time.monotonic() - began < 20, "tried in every way, it takes for ever"


@pytest.mark.parametrize("value", ["sw-\0", "\ud800", "sw-\N{SNOWMAN}\n"])
def test_odd_values_are_matched_without_harm(value: str) -> None:
    assert LabelMatch({}, {"instance": "x.*"}).holds({"instance": value}) is False


def test_a_pattern_that_cannot_be_read_matches_nothing() -> None:
    match = LabelMatch({}, {"site": LOOKAHEAD, "team": ".*"})
    assert not match.holds({"site": "north"})
    assert match.unreadable == ["site"]
    assert LabelMatch({"site": "north"}, {"team": ".*"}).unreadable == []


@pytest.mark.parametrize(
    ("match", "faults"),
    [
        (LabelMatch({}, {"site": "n.*"}), []),
        (LabelMatch(), [("match", "name at least one label: without any, everything would match")]),
        (LabelMatch({}, {"site": "("}), [("match_re", "site: '(' is not a regular expression: missing ): (")]),
        (
            LabelMatch({}, {"site": "a" * (MAX_PATTERN + 1)}),
            [("match_re", f"site: a pattern has at most {MAX_PATTERN} characters")],
        ),
    ],
)
def test_a_fault_names_its_key(match: LabelMatch, faults: list[tuple[str, str]]) -> None:
    assert list(match.faults()) == faults


def test_a_fault_of_the_configuration_names_its_key() -> None:
    block = MaintenanceBlock(match_re={"site": LOOKAHEAD}, time_zone=Zone("UTC"))
    assert [path for path, _text in block.config_faults()] == ["match_re", ""]
