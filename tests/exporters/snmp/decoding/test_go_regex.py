"""Regular expressions and numbers as Go reads them."""

import pytest

from exporters.snmp.decoding.go_regex import GoRegex, expand, parse_float


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("([0-9]+) C", "21 C", True),
        ("a$", "a\n", False),  # Go's $ is the very end
        ("a|ab", "ab", True),
        ("(?i)ABC", "abc", True),
        ("a(?i)b", "aB", True),  # a flag may stand anywhere
        ("a(?i)b", "AB", False),
        (r"\Qa.b\E+", "a.bb", True),
        (r"\x{41}", "A", True),
        ("[[:alpha:]]+[[:digit:]]", "ab1", True),
        ("[]a]+", "a]", True),
        ("[^]]", "]", False),
        (r"\s", "\v", False),  # Go's \s has no vertical tab
        (r"\d", "٣", False),
        (r"x\z", "x", True),
        ("(?<n>a)(?P<m>b)", "ab", True),
        ("[$]", "$", True),
        (r"\pN+", "4²", True),
        (r"\pL", "4", False),
    ],
)
def test_matching(pattern: str, text: str, matches: bool) -> None:
    assert (GoRegex.parse(pattern).anchored(text) is not None) == matches


def test_found_is_not_anchored() -> None:
    assert GoRegex.parse("th").found("eth0")


@pytest.mark.parametrize("pattern", ["(", "[a", r"\pQ", "[[:nonsense:]]", "(?z)a", "(?=a)", r"(a)\1", "\ud800"])
def test_what_cannot_be_compiled_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not a regular expression"):
        GoRegex.parse(pattern)


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
