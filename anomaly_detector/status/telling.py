"""A report as text for a terminal. No I/O."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from anomaly_detector.metrics import QueryStatus, ReceiverStatus
from anomaly_detector.status.report import Report

HEADINGS = ("query", "state", "series", "warming", "lag", "newest", "last read", "devices")
RECEIVER_HEADINGS = ("receiver", "state", "waiting", "newest stored")
NONE = "-"
RIGHT = {"series", "warming", "lag", "waiting"}
PAST = {"waiting": "past waits", "played": "too few days", "failed": "past failed", "no_room": "no room"}
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def as_text(report: Report, *, url: str) -> str:
    """Return what people read: the whole, queries, receivers, and what is wrong."""
    status = report.status
    learnt = sum(one.state_bytes for one in status.queries)
    series = sum(one.series for one in status.queries)
    leads = "writes scores" if status.leads else "stands by: computes, does not write"
    if not status.receivers and status.leads:
        leads = "shows scores at /scores"
    lines = [
        f"{url}  {'ready' if report.ready else 'NOT READY'}  (heronwatch {report.version})",
        f"{leads}; {series:,} series; {size(report.memory_bytes)} of memory, {size(learnt)} of it learnt",
        "",
        *table(HEADINGS, [_query(one) for one in status.queries]),
    ]
    if status.receivers:
        lines += ["", *table(RECEIVER_HEADINGS, [_receiver(one) for one in status.receivers])]
    lines += _hardly(status.queries)
    if report.reasons:
        lines += ["", "not ready:", *(f"  {reason}" for reason in report.reasons)]
    return "\n".join(lines)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, numbers to the right.

    >>> list(table(("query", "lag"), [("cpu", "5s"), ("power", "10m")]))
    ['query  lag', 'cpu     5s', 'power  10m']
    """
    every = [tuple(headings), *rows]
    widths = [max(len(row[place]) for row in every) for place in range(len(headings))]
    for row in every:
        cells = (
            text.rjust(width) if heading in RIGHT else text.ljust(width)
            for heading, text, width in zip(headings, row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def size(count: int) -> str:
    """Return a size as people read it.

    >>> size(0), size(1536), size(3 << 30)
    ('0 B', '1.5 KiB', '3 GiB')
    """
    value, unit = float(count), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.3g} {UNITS[unit]}"


def span(seconds: float) -> str:
    """Return a time that passed, as people read it.

    >>> [span(one) for one in (0.4, 12, 600, 9000, 400000)]
    ['0s', '12s', '10m', '2h30m', '4d15h']
    """
    whole = max(0, round(seconds))
    for unit, name, part, of in ((86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= unit:
            rest = whole % unit // part
            return f"{whole // unit}{name}{f'{rest}{of}' if rest else ''}"
    return f"{whole}s"


def _hardly(queries: Sequence[QueryStatus]) -> Iterator[str]:
    """Yield the series that can hardly alarm, some of each query."""
    if any(one.hardly.count for one in queries):
        yield from ("", "can hardly alarm (twice what was seen, or the end of data_range, would not score above 1):")
    for one in queries:
        yield from (f"  {series}" for series in one.hardly.series)
        if one.hardly.count > len(one.hardly.series):
            yield f"  and {one.hardly.count - len(one.hardly.series)} more of {one.query}"


def _query(one: QueryStatus) -> tuple[str, ...]:
    return (
        one.query,
        _state(one),
        f"{one.series:,}",
        f"{one.warming:.0%}" if one.series else NONE,
        NONE if one.lag_s is None else span(one.lag_s),
        clock(one.last_success_s),
        _read(one),
        _devices(one),
    )


def _state(one: QueryStatus) -> str:
    if not one.trouble:
        return "works" if one.series else "empty"
    return "fails" if one.reason else "starts"


def _read(one: QueryStatus) -> str:
    if not one.reason:
        return "not yet"
    return one.reason if one.failures < 2 else f"{one.reason} {one.failures}x"


def _devices(one: QueryStatus) -> str:
    if one.devices_known is None:
        return NONE
    if one.devices_known:
        return "known"
    if one.past is None:
        return "not known"
    return f"past {one.past.share:.0%}" if one.past.state == "playing" else PAST[one.past.state]


def _receiver(one: ReceiverStatus) -> tuple[str, ...]:
    waiting = f"{one.queued:,} of {one.capacity:,}"
    return one.receiver, "fails" if one.trouble else "works" if one.stored_s else "idle", waiting, clock(one.stored_s)


def clock(time_s: float) -> str:
    """Return an instant in UTC, to the second; a dash for none.

    >>> clock(1_792_893_600.0), clock(0)
    ('2026-10-25 02:00:00Z', '-')
    """
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M:%S}Z" if time_s else NONE
