"""The large numbers that begin a board, written as a table of what each says."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard, stat

from grafana.dashboards_src.panels import Facts, Query, number

HEIGHT = 4


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number of now: its stable id, its texts, its PromQL, and from which value on it is bad.

    `words` are shown in place of numbers; `w` counts columns of 24, `decimals` digits (None: as Grafana thinks fit).
    """

    id: int
    title: str
    description: str
    expr: str
    bad: dashboard.ThresholdsConfig
    unit: str = "short"
    w: int = 4
    empty: str = "no data"
    words: dict[int, tuple[str, str]] | None = None
    decimals: int | None = None


def figures(shown: Sequence[Figure]) -> list[stat.Panel]:
    """Return the panels of numbers."""
    return [_panel(one) for one in shown]


def _panel(one: Figure) -> stat.Panel:
    facts = Facts(
        id=one.id, title=one.title, description=one.description, unit=one.unit, w=one.w, h=HEIGHT, empty=one.empty
    )
    panel = number(facts, Query(expr=one.expr), one.bad, one.words)
    return panel if one.decimals is None else panel.decimals(one.decimals)
