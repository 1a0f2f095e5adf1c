"""Plain selectors, and what is none."""

import pytest

from anomaly_detector.source.selector import Matcher, plain_selector

NAMED = Matcher("=", "__name__", "up")


@pytest.mark.parametrize(
    ("expr", "matchers"),
    [
        ("up", (NAMED,)),
        (" up { } ", (NAMED,)),
        ('up{job="snmp"}', (NAMED, Matcher("=", "job", "snmp"))),
        (
            """up{a!="x", b=~'y.*',c!~`z|w`,}""",
            (NAMED, Matcher("!=", "a", "x"), Matcher("=~", "b", "y.*"), Matcher("!~", "c", "z|w")),
        ),
        (r'up{a="say \"hi\" \\ there"}', (NAMED, Matcher("=", "a", 'say "hi" \\ there'))),
        ('up{a="x,y}"}', (NAMED, Matcher("=", "a", "x,y}"))),
        ('{__name__=~"a|b"}', (Matcher("=~", "__name__", "a|b"),)),
        ("job:rate:sum", (Matcher("=", "__name__", "job:rate:sum"),)),
    ],
)
def test_plain_selectors(expr: str, matchers: tuple[Matcher, ...]) -> None:
    assert plain_selector(expr) == matchers


@pytest.mark.parametrize(
    "expr",
    [
        "rate(up[5m])", "up[5m]", "up offset 5m", "up @ 5", "up * 8", "up or down", "(up)", "sum(up)", "{}", "", "1",
        "-up",
        'up{job="snmp"} > 0',
        'up{job="a" or job="b"}', 'up{"quoted.name"="x"}', r'up{a="\x41"}', 'up{a="open}', "up # down",
    ],
)  # fmt: skip
def test_everything_else(expr: str) -> None:
    assert plain_selector(expr) is None
