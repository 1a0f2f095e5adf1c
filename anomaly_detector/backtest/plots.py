"""Pictures as inline SVG: a series with its band, scores and alarms; bars; a curve. Pure text."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from html import escape

import numpy as np

from anomaly_detector.backtest.drawing import (
    INNER,
    LEFT,
    Scale,
    area,
    columns,
    days,
    extent,
    line,
    mark,
    rule,
    svg,
    ticks,
    word,
)
from anomaly_detector.backtest.traces import Trace
from anomaly_detector.models.model import F32, F64

HEIGHT, SCORE_TOP, SCORE_HEIGHT = 150.0, 162.0, 42.0
LABEL_WIDTH = 72.0
SCORE_CAP = 3.0  # of the picture: what is higher is cut


def series_plot(trace: Trace, zone: tzinfo) -> str:
    """Return a series: samples over the expected band, alarms shaded, the score below with its threshold."""
    low, high = extent((trace.low, trace.high, trace.expected))
    xs = columns(len(trace.times_s))
    up = Scale(high, low, 4.0, HEIGHT - 4.0)
    shown = (np.clip(trace.lower, low, high), np.clip(trace.upper, low, high))
    score_y = Scale(SCORE_CAP, 0.0, SCORE_TOP, SCORE_TOP + SCORE_HEIGHT)
    parts = [
        *_shades(trace),
        *ticks(low, high, up),
        f'<path class="band" d="{area(xs, up(shown[0]), up(shown[1]))}"/>',
        *(f'<path class="edge" d="{line(xs, _inside(edge, low, high, up))}"/>' for edge in (trace.lower, trace.upper)),
        f'<path class="expected" d="{line(xs, up(trace.expected))}"/>',
        f'<path class="value" d="{area(xs, up(trace.low), up(trace.high))}"/>',
        f'<path class="middle" d="{line(xs, up((trace.low + trace.high) / 2))}"/>',
        f'<path class="score" d="{line(xs, score_y(np.minimum(trace.score, SCORE_CAP)))}"/>',
        rule(float(score_y(np.array([1.0]))[0]), "1"),
        *days(trace.times_s, zone, SCORE_TOP + SCORE_HEIGHT),
    ]
    return svg(SCORE_TOP + SCORE_HEIGHT + 20, parts, f"{trace.query}: values, expected band, score")


def bars_plot(labels: Sequence[str], values: Sequence[float], *, name: str) -> str:
    """Return bars, one for each label; every label is shown as far as there is room."""
    most = max([*values, 1.0])
    wide = INNER / max(1, len(values))
    up = Scale(most, 0.0, 8.0, HEIGHT - 4.0)
    every = max(1, int(np.ceil(LABEL_WIDTH / wide)))
    heights = up(np.array(values, float)) if len(values) else np.zeros(0)
    parts = [*ticks(0.0, most, up, whole=True)]
    for place, (label, value, y) in enumerate(zip(labels, values, heights.tolist(), strict=True)):
        x = LEFT + place * wide
        title = f"<title>{escape(label)}: {value:g}</title>"
        box = f'x="{x + wide * 0.1:.1f}" y="{y:.1f}" width="{wide * 0.8:.1f}" height="{HEIGHT - 4 - y:.1f}"'
        parts.append(f'<rect class="bar" {box}>{title}</rect>')
        if place % every == 0:
            parts.append(word(x + wide / 2, HEIGHT + 14, label))
    return svg(HEIGHT + 22, parts, name)


def curve_plot(
    sensitivities: F64, a_week: F64, *, budget: float, meets: float | None, recall: F64 | None = None
) -> str:
    """Return notifications a week over sensitivity, both on logarithmic scales, and the budget.

    `recall` is a second line: the share of known incidents that each sensitivity finds, 0 at the bottom, 1 at the top.
    """
    floor = min(0.1, budget / 2) if budget > 0 else 0.1
    logs = np.log10(np.maximum(a_week, floor))
    top = max(float(logs.max()), np.log10(max(budget, floor))) + 0.1
    up = Scale(top, float(np.log10(floor)), 8.0, HEIGHT - 4.0)
    xs = LEFT + INNER * (np.log(sensitivities) - np.log(sensitivities[0])) / np.log(
        sensitivities[-1] / sensitivities[0]
    )
    parts = [
        *(
            rule(float(up(np.array([power]))[0]), f"{10.0**power:g}", quiet=True)
            for power in range(int(np.ceil(np.log10(floor))), int(top) + 1)
        ),
        f'<path class="score" d="{line(xs, up(logs))}"/>',
        mark(float(up(np.array([np.log10(max(budget, floor))]))[0]), f"budget {budget:.3g}"),
        *(_recall(xs, recall) if recall is not None else ()),
    ]
    for at, place in zip(sensitivities.tolist(), xs.tolist(), strict=True):
        if at in {0.25, 0.5, 1.0, 2.0, 4.0}:
            parts.append(word(place, HEIGHT + 14, f"{at:g}"))
        if at == meets:
            parts.append(f'<line class="meets" x1="{place:.1f}" x2="{place:.1f}" y1="8" y2="{HEIGHT - 4}"/>')
    return svg(HEIGHT + 22, parts, "notifications a week over sensitivity")


def _inside(edge: F32, low: float, high: float, up: Scale) -> F64:
    """Return the heights of an edge of the band; NaN where it lies beyond the picture."""
    return up(np.where((edge > low) & (edge < high), edge, np.nan))


def _recall(xs: F64, recall: F64) -> Iterable[str]:
    """Yield a line of shares and what its ends mean, inside, at the left."""
    up = Scale(1.0, 0.0, 8.0, HEIGHT - 4.0)
    yield f'<path class="recall" d="{line(xs, up(recall))}"/>'
    for share, y in zip((0.0, 0.5, 1.0), up(np.array([0.0, 0.5, 1.0])).tolist(), strict=True):
        yield f'<text class="tick share" x="{LEFT + 4:g}" y="{max(y - 3, 18):.1f}">{share:.0%} found</text>'


def _shades(trace: Trace) -> Iterable[str]:
    first, last = float(trace.times_s[0]), float(trace.times_s[-1])
    per = INNER / max(1.0, last - first)
    for begin, end in trace.spans:
        x, wide = LEFT + (begin - first) * per, max(2.0, (end - begin) * per)
        yield f'<rect class="alarm" x="{x:.1f}" y="0" width="{wide:.1f}" height="{SCORE_TOP + SCORE_HEIGHT:g}"/>'
