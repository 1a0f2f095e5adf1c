"""Draws one series and the band it was expected in as a small SVG: no script, no style of its own. Pure."""

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape
from msgspec import Struct

WIDTH, HEIGHT = 320, 96
TOP, BOTTOM = 14, 82  # the texts stand above and below
MARGIN = 0.08  # of the span of values, so that no line lies on the edge
LARGEST = 1e300
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

Points = Sequence[tuple[float, float]]  # (Unix seconds, value), ascending


class Plot(Struct, frozen=True, kw_only=True):
    """What is drawn, from `start` to `end`. Values are `drawable`; a gap longer than `gap_s` is left open."""

    start: float
    end: float
    gap_s: float
    series: Points
    lower: Points = ()
    upper: Points = ()
    limit: float | None = None
    began: float | None = None  # where the alert began


def chart(plot: Plot) -> Markup | None:
    """Return the SVG, None where there is nothing to draw."""
    if not plot.series or plot.end <= plot.start:
        return None
    canvas = _Canvas(plot)
    parts = [
        *_area(canvas, plot),
        *_level(canvas, plot.limit),
        *_mark(canvas, plot.began),
        *(_shape("l", run, canvas) for run in _runs(plot.series, plot.gap_s)),
        *_texts(plot),
    ]
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told(plot))}">'
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704  # numbers of ours, and one escaped text


def told(plot: Plot) -> str:
    """Return the chart in words, for those who cannot see it."""
    values = [value for _at, value in plot.series]
    words = f"{short(values[-1])} at the end, between {short(min(values))} and {short(max(values))}"
    if plot.lower and plot.upper:
        words += f"; expected {short(plot.lower[-1][1])} to {short(plot.upper[-1][1])}"
    return words + (f"; limit {short(plot.limit)}" if plot.limit is not None else "")


def short(value: float) -> str:
    """Return a number in at most some characters.

    >>> short(1234567.0), short(0.0421), short(-3.0)
    ('1.23M', '0.0421', '-3')
    """
    for size, prefix in PREFIXES:
        if abs(value) >= size:
            return f"{value / size:.3g}{prefix}"
    return f"{value:.3g}"


class _Canvas:
    """Turns times and values into whole pixels."""

    def __init__(self, plot: Plot) -> None:
        values = [value for points in (plot.series, plot.lower, plot.upper) for _at, value in points]
        values += [plot.limit] if plot.limit is not None else []
        spread = (max(values) - min(values)) or abs(values[0]) or 1.0
        self.low, self.high = min(values) - MARGIN * spread, max(values) + MARGIN * spread
        self._start, self._span = plot.start, plot.end - plot.start

    def x(self, at: float) -> int:
        """Return the column of a time, inside the picture."""
        return round(min(1.0, max(0.0, (at - self._start) / self._span)) * WIDTH)

    def y(self, value: float) -> int:
        """Return the row of a value; halves first, since the span of two large numbers may be too large a number."""
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return round(BOTTOM - share * (BOTTOM - TOP))


def _runs(points: Points, gap_s: float) -> Iterator[Points]:
    run: list[tuple[float, float]] = []
    for point in points:
        if run and point[0] - run[-1][0] > gap_s:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _shape(kind: str, points: Points, canvas: _Canvas, *, closed: bool = False) -> str:
    places = " ".join(f"{canvas.x(at)},{canvas.y(value)}" for at, value in points)
    if len(points) == 1:
        at, value = points[0]
        return f'<circle class="{kind}" cx="{canvas.x(at)}" cy="{canvas.y(value)}" r="1.5"/>'
    return f'<{"polygon" if closed else "polyline"} class="{kind}" points="{places}"/>'


def _area(canvas: _Canvas, plot: Plot) -> Iterator[str]:
    """Yield the band: along the upper limit, and back along the lower."""
    lower = dict(plot.lower)
    both = [(at, value) for at, value in plot.upper if at in lower]
    for run in _runs(both, plot.gap_s):
        if len(run) > 1:
            back = [(at, lower[at]) for at, _value in reversed(run)]
            yield _shape("b", [*run, *back], canvas, closed=True)


def _level(canvas: _Canvas, limit: float | None) -> Iterator[str]:
    if limit is not None:
        y = canvas.y(limit)
        yield f'<line class="t" x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>'


def _mark(canvas: _Canvas, began: float | None) -> Iterator[str]:
    if began is not None:
        x = canvas.x(began)
        yield f'<line class="m" x1="{x}" x2="{x}" y1="{TOP}" y2="{BOTTOM}"/>'


def _texts(plot: Plot) -> Iterator[str]:
    values = [value for _at, value in plot.series]
    yield f'<text x="0" y="10">{short(max(values))} most, {short(min(values))} least</text>'
    yield f'<text x="{WIDTH}" y="10" text-anchor="end">{short(values[-1])}</text>'
    yield f'<text x="0" y="{HEIGHT - 2}">{_hours(plot.end - plot.start)}</text>'
    if words := _legend(plot):
        yield f'<text x="{WIDTH}" y="{HEIGHT - 2}" text-anchor="end">{words}</text>'


def _legend(plot: Plot) -> str:
    """Return what the shapes besides the line mean."""
    known = (
        (plot.upper, "shaded: expected"),
        (plot.limit is not None, "dashed: limit"),
        (plot.began is not None, "bar: the alert began"),
    )
    return " · ".join(words for there, words in known if there)


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.3g} h" if hours >= 1 else f"{round(seconds / 60)} min"


def finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points that can be drawn."""
    return [(at, value) for at, value in points if drawable(value)]


def drawable(value: float) -> bool:
    """Return whether a value is a number, and one whose distance from another is a number too."""
    return math.isfinite(value) and abs(value) <= LARGEST
