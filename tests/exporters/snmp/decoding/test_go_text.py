"""Replacements and numbers as Go reads them."""

import pytest

from exporters.snmp.decoding.go_text import expand, parse_float
from heronwatch.go_regex import GoRegex


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$1", "a"), ("${2}", "b"), ("$1x", ""), ("${1}x", "ax"), ("$0", "ab"), ("$$1", "$1"), ("$9", ""),
        ("$n", "b"), ("$", "$"),
    ],
)  # fmt: skip
def test_expanding(template: str, expected: str) -> None:
    match = GoRegex.parse("(a)(?P<n>b)").anchored("ab")
    assert expand(template, match) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1.0), ("-1.5e3", -1500.0), (".5", 0.5), ("5.", 5.0), ("+Inf", float("inf")), ("infinity", float("inf")),
        ("1_000", 1000.0), ("0x1p-2", 0.25), ("", None), (" 1", None), ("1 ", None), ("0x10", None), ("1e999", None),
        ("+nan", None), ("٣", None), ("1__0", None), ("_1", None), (".", None), ("e5", None),
    ],
)  # fmt: skip
def test_numbers(text: str, expected: float | None) -> None:
    assert parse_float(text) == expected


def test_nan_is_a_number() -> None:
    value = parse_float("NaN")
    assert value is not None
    assert value != value  # noqa: PLR0124  # NaN is the only such value
