"""As much of PromQL as a configuration can be checked for without a server: form, and counters without a rate."""

import itertools
import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from heronwatch.values import Duration

REMEMBERED = 4096  # expressions: what is asked of one at every instant
COUNTER_ENDINGS = ("_total", "_sum", "_count", "_bucket")
# functions that make something else of a counter, VictoriaMetrics' among them
TAKES_COUNTERS = re.compile(
    r"(?:rollup_)?(?:i?rate|increase|i?deriv|i?delta|resets|changes|increase_pure|increase_prometheus|rate_prometheus)"
    r"(?:_over_sum)?|absent(?:_over_time)?|present_over_time|count(?:_over_time|_values)?|group|timestamp|scrape_interval|lag|lifetime"
)
LABEL_LISTS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
# words that stand where a metric might, MetricsQL's among them
KEYWORDS = re.compile(
    r"(?i)and|or|unless|atan2|bool|offset|start|end|inf|nan|if|ifnot|default|limit|with|keep_metric_names"
)
RAMPS = re.compile(r"\b(?:rate|increase|delta)\s*\(")  # too low, until their window is full of samples
RANGE = re.compile(r"\[\s*((?:[0-9]+(?:ms|[smhdwy]))+)\s*(?::[^\]]*)?\]")
_TOKEN = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|(?P<comment>\#[^\n]*)|(?P<name>[A-Za-z_:][A-Za-z0-9_:.]*)"""
    r"""|(?P<bracket>[(){}\[\]])|(?P<quote>["'`])|(?P<other>[^\sA-Za-z_:(){}\[\]"'`#]+)|\s+"""
)
_CLOSES = {")": "(", "]": "[", "}": "{"}


class Selector(msgspec.Struct, frozen=True):
    """A metric name as it stands in an expression, with its `{…}` if any."""

    name: str
    selector: str

    @property
    def remedy(self) -> str:
        """What to write in its place when it is a counter."""
        return f"use rate({self.selector}[5m]) (or allow_counter: true if it is none)"


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    start: int


def form_faults(expr: str) -> Iterator[str]:
    """Yield what no server would accept: nothing at all, an unclosed quote, brackets that do not pair."""
    if not expr.strip():
        yield "is empty"
    open_brackets: list[str] = []
    for token in _tokens(expr):
        if token.kind == "quote":
            yield f"a quote is not closed: {token.text}"
            return
        if token.kind != "bracket":
            continue
        if token.text in _CLOSES.values():
            open_brackets.append(token.text)
        elif not open_brackets or open_brackets.pop() != _CLOSES[token.text]:
            yield f"'{token.text}' closes nothing"
            return
    if open_brackets:
        yield f"'{open_brackets[-1]}' is not closed"


def raw_counter(expr: str) -> Selector | None:
    """Return the first counter (by its name's ending) that no function such as rate() takes; None if there is none.

    >>> raw_counter('sum by (job) (http_requests_total{code="500"})').selector
    'http_requests_total{code="500"}'
    >>> raw_counter('sum(rate(http_requests_total[5m]))')
    """
    return next((one for one in raw_selectors(expr) if _is_counter(one.name)), None)


def raw_selectors(expr: str) -> Iterator[Selector]:
    """Yield every metric whose values are taken as they are, not by a function that counters are made for.

    >>> [one.name for one in raw_selectors('a / b{x="1"} + rate(c[5m]) + {__name__="d"} + {"e.f", x="1"}')]
    ['a', 'b', 'd', 'e.f']
    """
    tokens = list(_tokens(expr))
    calls: list[str] = []  # the function of every open parenthesis, "" for a plain one
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else None
        if not _taken(calls):
            name = _metric(expr, tokens, index) if token.kind == "name" else _named_inside(tokens, index, before)
            if name and not {"{", "["} & set(calls):
                yield Selector(name, _selector(expr, tokens, index))
        if token.kind == "bracket":
            _follow(calls, token.text, before.text if before else "")


@lru_cache(maxsize=REMEMBERED)
def settling_s(expr: str) -> float:
    """Return for how many seconds a series that (re)appears is not yet what it will be: the longest window of a rate.

    >>> settling_s("rate(ifHCInOctets[2m]) * 8"), settling_s("up")
    (120.0, 0.0)
    """
    if not RAMPS.search(expr):
        return 0.0
    return max((float(Duration.parse(match[1])) for match in RANGE.finditer(expr)), default=0.0)


def _follow(calls: list[str], bracket: str, before: str) -> None:
    if bracket in "([{":
        calls.append((before or "") if bracket == "(" else bracket)
    elif calls:
        calls.pop()


def _is_counter(name: str) -> bool:
    return name.endswith(COUNTER_ENDINGS) and ":" not in name


def _taken(calls: list[str]) -> bool:
    return any(TAKES_COUNTERS.fullmatch(call) or call in LABEL_LISTS for call in calls)


def _metric(expr: str, tokens: list[_Token], index: int) -> str:
    """Return a word if it can be the name of a metric, "" for functions, keywords and units of a number."""
    token = tokens[index]
    following = tokens[index + 1].text if index + 1 < len(tokens) else ""
    of_number = token.start > 0 and expr[token.start - 1].isdigit()
    known_word = KEYWORDS.fullmatch(token.text) or token.text in LABEL_LISTS
    return "" if of_number or known_word or following in {"(", "by", "without"} else token.text


def _named_inside(tokens: list[_Token], index: int, before: _Token | None) -> str:
    """Return the metric that `{__name__="x"}` or `{"x"}` names, "" where there is none."""
    if tokens[index].text != "{" or (before is not None and before.kind == "name"):
        return ""
    inside = [token.text for token in itertools.takewhile(lambda token: token.text != "}", tokens[index:])]
    for place, text in enumerate(inside):
        ahead = inside[place - 1] if place else ""
        if text[:1] in {'"', "'"} and (ahead in {"{", ","} or inside[place - 2 : place] == ["__name__", "="]):
            return text[1:-1]
    return ""


def _selector(expr: str, tokens: list[_Token], index: int) -> str:
    name = tokens[index]
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    if name.text != "{" and (following is None or following.text != "{"):
        return name.text
    close = next((token.start + 1 for token in tokens[index:] if token.text == "}"), len(expr))
    return expr[name.start : close]


def _tokens(expr: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(expr):
        if match.lastgroup and match.lastgroup != "comment":
            yield _Token(match.lastgroup, match.group(), match.start())
