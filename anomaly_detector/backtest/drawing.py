"""What pictures are made of: scales, lines, areas, ticks, as SVG text. Pure text.

Colours are classes of the page's style sheet, so that they follow light and dark.
"""

import math
from collections.abc import Iterable
from datetime import datetime, tzinfo
from html import escape

import numpy as np

from anomaly_detector.models.model import F32, F64

WIDTH, LEFT, RIGHT = 960.0, 64.0, 8.0
INNER = WIDTH - LEFT - RIGHT
SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


def svg(height: float, parts: Iterable[str], name: str) -> str:
    """Return a picture of its parts; `name` is for readers who do not see it."""
    inside = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{escape(name)}">{inside}</svg>'


def columns(count: int) -> F64:
    """Return where the middle of each of so many columns is."""
    return LEFT + INNER * (np.arange(count) + 0.5) / max(1, count)


class Scale:
    """Values between `low` and `high` as heights between `bottom` and `top` of a picture."""

    def __init__(self, high: float, low: float, top: float, bottom: float) -> None:
        self._low, self._per, self._bottom = low, (bottom - top) / max(high - low, 1e-300), bottom

    def __call__(self, values: F32 | F64) -> F64:
        """Return the heights of values."""
        return np.asarray(self._bottom - (values.astype(np.float64) - self._low) * self._per, np.float64)


def extent(rows: Iterable[F32]) -> tuple[float, float]:
    """Return the smallest and the largest value, with a margin; 0 and 1 when nothing is known."""
    known = np.concatenate([row[np.isfinite(row)] for row in rows]).astype(np.float64)
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    margin = 0.05 * (high - low) or max(abs(high) * 0.05, 0.5)
    return low - margin, high + margin


def line(xs: F64, ys: F64) -> str:
    """Return the path of a line that is broken where `ys` are NaN."""
    out, pen_up = [], True
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        if math.isnan(y):
            pen_up = True
            continue
        out.append(f"{'M' if pen_up else 'L'}{x:.1f} {y:.1f}")
        pen_up = False
    return "".join(out)


def area(xs: F64, low: F64, high: F64) -> str:
    """Return the path of the area between two rows, without the columns where one is NaN."""
    known = np.isfinite(low) & np.isfinite(high)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], known.astype(np.int8), [0]))))
    out = []
    for first, last in edges.reshape(-1, 2).tolist():
        there = [f"{x:.1f} {y:.1f}" for x, y in zip(xs[first:last].tolist(), high[first:last].tolist(), strict=True)]
        back = [f"{x:.1f} {y:.1f}" for x, y in zip(xs[first:last].tolist(), low[first:last].tolist(), strict=True)]
        out.append(f"M{'L'.join([*there, *reversed(back)])}Z")
    return "".join(out)


def ticks(low: float, high: float, up: Scale, *, whole: bool = False) -> Iterable[str]:
    """Yield a few horizontal lines at round values, at `whole` numbers where things are counted."""
    for value in _round_values(low, high, least=1.0 if whole else 0.0):
        yield rule(float(up(np.array([value]))[0]), short(value), quiet=True)


def _round_values(low: float, high: float, *, least: float) -> list[float]:
    span = max(high - low, 1e-300)
    step = 10.0 ** np.floor(np.log10(span / 2))
    step *= next(by for by in (1.0, 2.0, 5.0, 10.0) if span / (step * by) <= 4)
    step = max(step, least)
    return [float(step * number) for number in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def rule(y: float, text: str, *, quiet: bool = False) -> str:
    """Return a horizontal line with its value; `quiet` for the grid."""
    return (
        f'<line class="{"grid" if quiet else "rule"}" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{LEFT - 6:g}" y="{y + 3.5:.1f}" text-anchor="end">{escape(text)}</text>'
    )


def mark(y: float, text: str) -> str:
    """Return a horizontal line that is no value of the axis, with its name inside, at the right."""
    below = y < 16
    return (
        f'<line class="rule" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{WIDTH - RIGHT - 4:g}" y="{y + 13 if below else y - 4:.1f}" text-anchor="end">'
        f"{escape(text)}</text>"
    )


def days(times_s: F64, zone: tzinfo, bottom: float) -> Iterable[str]:
    """Yield a vertical line at each local midnight, with its day below, some dozen at most."""
    moments = [datetime.fromtimestamp(time_s, zone) for time_s in times_s.tolist()]
    xs = columns(len(moments)).tolist()
    starts = [place for place in range(1, len(moments)) if moments[place].date() != moments[place - 1].date()]
    every = max(1, -(-len(starts) // 12))
    for place in starts[::every]:
        x = xs[place]
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom:g}"/>'
        yield word(x, bottom + 14, f"{moments[place]:%a %d %b}")


def short(value: float) -> str:
    """Return a number with the prefix of its size.

    >>> short(1.25e9), short(0.002)
    ('1.25G', '2m')
    """
    size = abs(value)
    for unit, name in SI:
        if size >= unit * 0.9995:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def word(x: float, y: float, text: str) -> str:
    """Return a text below a place."""
    return f'<text class="tick" x="{x:.1f}" y="{y:g}" text-anchor="middle">{escape(text)}</text>'
