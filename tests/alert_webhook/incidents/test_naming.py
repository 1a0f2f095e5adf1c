from collections.abc import Sequence

import pytest

from alert_webhook.incidents.naming import ALPHABET, MAX_GROUP_BYTES, group_name, new_code, new_codes
from alert_webhook.incidents.title import shared, summary, title
from tests.fakes.webhook_stack import Random


def test_a_code_is_four_characters_that_nobody_mistakes() -> None:
    code = new_code(Random(), lambda _: False)
    assert len(code) == 4
    assert set(code) <= set(ALPHABET)
    assert not set("01ILO") & set(ALPHABET)


def test_codes_grow_when_the_short_ones_are_taken() -> None:
    assert len(new_code(Random(), lambda code: len(code) < 5)) == 5
    assert len(new_code(Random(), lambda code: len(code) < 6)) == 6
    assert len(new_code(Random(), lambda _: True)) == 16


def test_many_codes_are_asked_about_at_once_and_those_taken_are_made_anew() -> None:
    asked: list[list[str]] = []

    def taken(codes: Sequence[str]) -> set[str]:
        asked.append(list(codes))
        return {codes[0]} if len(codes) > 1 else set()

    found = new_codes(50, Random(), taken)
    assert len(set(found)) == 50
    assert len(asked[0]) == 50
    assert asked[0][0] not in found
    assert found[1:] == asked[0][1:]


def test_codes_made_together_differ_though_chance_repeats_itself() -> None:
    found = new_codes(3, bytes, lambda _: set())
    assert len(set(found)) == 3


@pytest.mark.parametrize(
    ("sender", "group_by", "expected"),
    [
        ("{}:{a}", [], "{}:{a}"),
        ("", [], '["alertname=LinkDown"]'),
        ("{}:{a}", ["site", "team"], '["site=north", "team="]'),
    ],
)
def test_group_names(sender: str, group_by: list[str], expected: str) -> None:
    assert group_name(sender, {"alertname": "LinkDown", "site": "north"}, group_by) == expected


def test_a_group_name_fits_into_an_index_and_stays_different_from_others() -> None:
    names = {group_name("ä" * 2000 + end, {}, []) for end in ("a", "b")} | {group_name("", {"a": "é" * 2000}, ["a"])}
    assert len(names) == 3
    assert all(len(name.encode()) <= MAX_GROUP_BYTES for name in names)


TWO_SWITCHES = [{"alertname": "LinkDown", "instance": name, "site": "n"} for name in ("sw1", "sw2")]


@pytest.mark.parametrize(
    ("label_sets", "expected"),
    [
        ([{"alertname": "LinkDown"}], "LinkDown"),
        ([{"alertname": "LinkDown", "instance": "sw1", "site": "north"}], "LinkDown · sw1 · north"),
        (TWO_SWITCHES, "LinkDown · n"),
        ([{"alertname": name} for name in "ABCDE"], "A, B, C and 2 more"),
        ([{"odd": "1"}], "alert"),
        ([{"alertname": "x" * 500}], "x" * 160),
    ],
)  # fmt: skip
def test_titles(label_sets: list[dict[str, str]], expected: str) -> None:
    assert title(label_sets) == expected


def test_nothing_is_shared_by_none() -> None:
    assert shared([]) == {}


def test_a_summary_is_one_line() -> None:
    assert summary("A", {}, {"summary": "down\nsince  noon"}) == "down since noon"
    assert summary("A", {"instance": "sw1"}, {}) == "A · sw1"
