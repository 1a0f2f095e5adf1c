"""Regular expressions as Go reads them."""

import pytest

from heronwatch.go_regex import GoRegex


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
