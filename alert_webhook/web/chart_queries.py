"""From an alert to what Prometheus is asked for its chart: the rule's expression without its comparison. Pure.

An alert's generatorURL carries the expression of its rule (`…/graph?g0.expr=…`, Prometheus web UI). What is drawn is
the left side of its first comparison, and the number on the right as the limit.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from alert_webhook.delivery.channel import AlertView
from alert_webhook.web.blocks import MAX_EXPRESSION, PrometheusBlock
from alert_webhook.web.false_alarms import ALIAS

COMPARISON = re.compile(r"(==|!=|>=|<=|>|<)(?:\s*bool\b)?")
SET_OPERATOR = re.compile(r"\b(and|or|unless)\b", re.IGNORECASE)
NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
OPENING, CLOSING, QUOTES = "([{", ")]}", "\"'`"


class ChartQueries(Struct, frozen=True, kw_only=True):
    """What to ask: `series` is drawn as a line, `band` as the expected area behind it ("": there is none)."""

    series: str
    band: str
    limit: float | None


def chart_queries(alert: AlertView, block: PrometheusBlock) -> ChartQueries | None:
    """Return the queries for an alert's chart, None where nothing says what it is about."""
    alias = alert.labels.get(ALIAS, "")
    known = block.series.get(alias)
    if known is not None:
        return ChartQueries(series=narrowed(known, alert), band=band_query(alias, alert), limit=None)
    expression = rule_expression(alert.generator_url)
    if expression is None:
        return None
    measured, limit = without_comparison(expression)
    return ChartQueries(series=narrowed(measured, alert), band="", limit=limit) if measured else None


def rule_expression(url: str) -> str | None:
    """Return the expression that a generatorURL carries, None where it carries none.

    >>> rule_expression("http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1")
    'up == 0'
    """
    try:
        found = parse_qs(urlsplit(url).query, max_num_fields=50).get("g0.expr", [])
    except ValueError:
        return None
    return found[0] if found and 0 < len(found[0].strip()) <= MAX_EXPRESSION else None


def without_comparison(expression: str) -> tuple[str, float | None]:
    """Return the left side of an expression's first comparison, and the number it is compared with.

    >>> without_comparison('rate(errors{job="a>b"}[5m]) / 2 > 0.01 and on (instance) up == 1')
    ('rate(errors{job="a>b"}[5m]) / 2', 0.01)
    >>> without_comparison("(up == 0)")
    ('up', 0.0)
    >>> without_comparison("absent(up)")
    ('absent(up)', None)
    """
    text = _unwrapped(expression.strip())
    operator = next(_outside(text, SET_OPERATOR), None)
    if operator is not None:
        return without_comparison(text[: operator.start()])
    compared = next(_outside(text, COMPARISON), None)
    if compared is None:
        return text, None
    left, right = text[: compared.start()].strip(), text[compared.end() :].strip()
    if NUMBER.fullmatch(left):
        left, right = right, left
    return left, float(right) if NUMBER.fullmatch(right) else None


def narrowed(expression: str, alert: AlertView) -> str:
    """Return the expression for the alert's own instance only, so that one page does not read a whole fleet."""
    instance, name = alert.labels.get("instance"), alert.labels.get("alertname")
    if not instance or not name:
        return expression
    seen = f"ALERTS{{alertname={quoted(name)},instance={quoted(instance)}}}[1d] @ end()"
    return f"({expression}) and on (instance) last_over_time({seen})"


def band_query(alias: str, alert: AlertView) -> str:
    """Return the selector of the limits that the detector expects a series between."""
    matchers = [f"{ALIAS}={quoted(alias)}"]
    matchers += [f"instance={quoted(alert.labels['instance'])}"] if alert.labels.get("instance") else []
    return f'{{__name__=~"yhat_lower|yhat_upper",{",".join(matchers)}}}'


def quoted(value: str) -> str:
    r"""Return a value as PromQL writes it.

    >>> print(quoted('a"b'))
    "a\"b"
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def belongs(series: Mapping[str, str], alert: AlertView) -> bool:
    """Return whether a series is the one an alert is about: each of its labels is the alert's too."""
    return all(name == "__name__" or alert.labels.get(name) == value for name, value in series.items())


def _unwrapped(text: str) -> str:
    """Return what one pair of brackets around everything holds."""
    while text.startswith("(") and _closes_at(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _closes_at(text: str) -> int:
    """Return where the bracket at the start closes, -1 where it does not."""
    return next((at for at, depth in _depths(text) if depth == 0 and at > 0), -1)


def _outside(text: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Yield the matches that stand in no bracket and no string."""
    free = dict(_depths(text))
    for match in pattern.finditer(text):
        if free.get(match.start()) == 0:
            yield match


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """Yield (position, depth of brackets after it) for every character outside strings."""
    depth, quote, at = 0, "", 0
    while at < len(text):
        character = text[at]
        if quote:
            at += 1 if character == "\\" and quote != "`" else 0
            quote = "" if character == quote else quote
        elif character in QUOTES:
            quote = character
        else:
            depth += (character in OPENING) - (character in CLOSING)
            yield at, depth
        at += 1
