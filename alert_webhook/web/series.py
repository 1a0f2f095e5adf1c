"""Reads what a chart shows from the Prometheus API. No answer, no chart: the page never waits long for it."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import msgspec
from markupsafe import Markup
from msgspec import Struct

from alert_webhook.delivery.channel import AlertView, IncidentView
from alert_webhook.parts import Parts
from alert_webhook.peers import Peer
from alert_webhook.web.blocks import PrometheusBlock
from alert_webhook.web.chart import Plot, chart, drawable, finite
from alert_webhook.web.chart_queries import ChartQueries, belongs, chart_queries
from heronwatch.logs import get_logger

PATH = "/api/v1/query_range"
POINTS = 80
MOST_BYTES = 4 << 20
REMEMBERED_S = 30.0  # who reloads the page, and link scanners, ask Prometheus no more often
REMEMBERED = 200
AFTER_END_S = 600.0
FORM = "application/x-www-form-urlencoded"


class Row(Struct, frozen=True):
    """One series of an answer: labels, and (time, value as text) pairs."""

    metric: dict[str, str]
    values: list[tuple[float, str]]


class Data(Struct, frozen=True):
    """The part of an answer that holds the series."""

    result: list[Row]


class RangeAnswer(Struct, frozen=True):
    """An answer of query_range."""

    data: Data


class Charts:
    """Draws the chart of an incident; remembers it for half a minute. Safe for threads."""

    def __init__(self, parts: Parts, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._now, self._monotonic = parts.settings, parts.clock.now, monotonic
        self._log = get_logger("heronwatch.webhook.charts")
        self._drawn: OrderedDict[int, tuple[float, Markup | None]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, view: IncidentView) -> Markup | None:
        """Return the chart of the first alert of an incident that has one, None without."""
        block = self._settings().prometheus
        if block is None:
            return None
        with self._lock:
            drawn_at, drawn = self._drawn.get(view.id, (-REMEMBERED_S, None))
        if self._monotonic() - drawn_at < REMEMBERED_S:
            return drawn
        fresh = self._draw(view, block)
        self._remember(view.id, fresh)
        return fresh

    def _remember(self, incident_id: int, drawn: Markup | None) -> None:
        with self._lock:
            self._drawn[incident_id] = (self._monotonic(), drawn)
            self._drawn.move_to_end(incident_id)
            while len(self._drawn) > REMEMBERED:
                self._drawn.popitem(last=False)

    def _draw(self, view: IncidentView, block: PrometheusBlock) -> Markup | None:
        for alert in view.alerts:
            queries = chart_queries(alert, block)
            if queries is not None:
                return self._drawing(alert, queries, block)
        return None

    def _drawing(self, alert: AlertView, queries: ChartQueries, block: PrometheusBlock) -> Markup | None:
        ends = self._monotonic() + float(block.timeout)
        end = self._now() if alert.ended_at is None else min(self._now(), alert.ended_at + AFTER_END_S)
        window = (end - float(block.span), end)
        series = self._ask(queries.series, window, block, ends)
        band = self._ask(queries.band, window, block, ends) if queries.band and series else []
        return chart(plot_of(alert, series, band, window=window, limit=queries.limit))

    def _ask(self, query: str, window: tuple[float, float], block: PrometheusBlock, ends: float) -> list[Row]:
        left_s = ends - self._monotonic()
        if left_s <= 0:
            return []
        step = (window[1] - window[0]) / POINTS
        times = {"start": f"{window[0]:.3f}", "end": f"{window[1]:.3f}", "step": f"{step:.3f}"}
        answer = Peer(str(block.url), block, monotonic=self._monotonic).post(
            PATH,
            content={"query": query, "timeout": f"{left_s:.2f}", **times},
            content_type=FORM,
            most_bytes=MOST_BYTES,
            timeout_s=left_s,
        )
        rows = rows_of(answer.body) if answer.status == 200 else None
        if rows is None:
            self._log.info("no chart", status=answer.status, trouble=answer.trouble)
        return rows or []


def rows_of(body: bytes) -> list[Row] | None:
    """Return the series of an answer, None where it is none."""
    try:
        return msgspec.json.decode(body, type=RangeAnswer).data.result
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def plot_of(
    alert: AlertView, series: Sequence[Row], band: Sequence[Row], *, window: tuple[float, float], limit: float | None
) -> Plot:
    """Return what is drawn of these answers: the series that belongs to the alert, in the limits that do."""
    start, end = window
    return Plot(
        start=start,
        end=end,
        gap_s=2.5 * (end - start) / POINTS,
        series=_closest(series, alert),
        lower=_closest([row for row in band if row.metric.get("__name__") == "yhat_lower"], alert),
        upper=_closest([row for row in band if row.metric.get("__name__") == "yhat_upper"], alert),
        limit=limit if limit is not None and drawable(limit) else None,
        began=alert.started_at if start <= alert.started_at <= end else None,
    )


def _closest(rows: Sequence[Row], alert: AlertView) -> list[tuple[float, float]]:
    """Return the points of the series that shares the most labels with an alert and contradicts none."""
    fitting = [row for row in rows if belongs(row.metric, alert)]
    if not fitting:
        return []
    return finite([(at, _number(text)) for at, text in max(fitting, key=_labels).values])


def _labels(row: Row) -> int:
    labels: Mapping[str, str] = row.metric
    return len(labels)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
