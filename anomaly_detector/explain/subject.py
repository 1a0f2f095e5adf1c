"""Which series is meant: `alias{labels}`, `metric{labels}` or `{labels}` as PromQL writes it. No I/O."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from anomaly_detector.plan import QueryPlan
from anomaly_detector.series_table import Labels
from anomaly_detector.source.narrowed import quoted

_WHOLE = re.compile(r"\s*([A-Za-z_:][A-Za-z0-9_.:-]*)?\s*(?:\{(.*)\})?\s*", re.DOTALL)
_PAIR = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)', re.DOTALL)
_WORD = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_ESCAPES = {"n": "\n", "t": "\t"}
OURS = ("for", "model_alias", "page")
LONGEST = 4096


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: a name, which is a query's alias or a metric's name ("" for any), and labels of the series.

    `query` is the alias where it was given as the label `for`.
    """

    name: str = ""
    labels: Mapping[str, str] = {}
    query: str = ""

    def may_be_in(self, plan: QueryPlan) -> bool:
        """Return whether a query may hold the series, by name; an alias goes before a metric of the same name."""
        if self.query:
            return self.query == plan.alias
        ours = self.name in {"", plan.alias, "anomaly_score"}
        return ours or self.name in _WORD.findall(plan.query.expr)

    def is_(self, labels: Labels) -> bool:
        """Return whether a series has all labels that were asked for."""
        has = dict(labels)
        return all(has.get(name, "") == value for name, value in self.labels.items())


def subject_of(text: str) -> Subject:
    r"""Read what was asked for; ValueError when it is no selector of equal labels.

    >>> subject_of('cpu{instance="sw1", core="0"}')
    Subject(name='cpu', labels={'instance': 'sw1', 'core': '0'}, query='')
    """
    whole = _WHOLE.fullmatch(text) if len(text) <= LONGEST else None
    if whole is None or not (whole[1] or whole[2]):
        raise ValueError('not a series: write alias{label="value", …}')
    labels = _pairs(whole[2] or "")
    query = labels.pop("for", "")
    return Subject(name=whole[1] or "", labels={k: v for k, v in labels.items() if k not in OURS}, query=query)


def written(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """Return a series as text.

    >>> written("cpu", (("instance", "sw1"),))
    'cpu{instance="sw1"}'
    """
    pairs = ", ".join(f"{key}={quoted(value)}" for key, value in labels)
    return f"{name}{{{pairs}}}"


def _pairs(text: str) -> dict[str, str]:
    out: dict[str, str] = {}
    place = 0
    while text[place:].strip():
        pair = _PAIR.match(text, place)
        if pair is None:
            raise ValueError(f'not a label and its value: {text[place : place + 60]!r} (write name="value")')
        out[pair[1]] = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), pair[2])
        place = pair.end()
    return out
