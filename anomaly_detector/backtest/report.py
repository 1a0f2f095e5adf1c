"""The report: one HTML page that needs nothing else, no script, no font, no request. Pure text."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from html import escape
from typing import Any

from anomaly_detector.backtest.alarms import SENSITIVITIES
from anomaly_detector.backtest.near import Near
from anomaly_detector.backtest.outcome import Outcome
from anomaly_detector.backtest.plots import bars_plot, curve_plot, series_plot
from anomaly_detector.backtest.tables import noisiest, notified, per_day, per_query
from anomaly_detector.scoring.learning import Labels
from heronwatch.values import Duration

STYLE = """
:root{color-scheme:light dark;--ink:#1c2733;--quiet:#5a6b7b;--line:#d8dee5;--paper:#fff;--tile:#f4f6f8;--blue:#0b5cad;
--band:#0b5cad26;--red:#c62828;--shade:#c6282824;--green:#2e7d32}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ee;--quiet:#9aa8b6;--line:#33404d;--paper:#12181f;--tile:#1b232c;
--blue:#6cb2ff;--band:#6cb2ff30;--red:#ff7b72;--shade:#ff7b7230;--green:#7ed492}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:64rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .4rem}h3{font-size:.95rem;margin:1.4rem 0 .2rem;
overflow-wrap:anywhere}
p{margin:.3rem 0}.quiet{color:var(--quiet)}.tiles{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0}
.tile{background:var(--tile);border-radius:8px;padding:.6rem .9rem;min-width:8.5rem}
.tile b{display:block;font-size:1.5rem;line-height:1.25}.tile span{color:var(--quiet);font-size:.85rem}
.good b{color:var(--green)}.bad b{color:var(--red)}
table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{padding:.25rem .5rem;text-align:right;
border-bottom:1px solid var(--line);vertical-align:top}th{font-weight:600;white-space:nowrap}
td.text,th.text{text-align:left}.when{white-space:nowrap}
.wide{overflow-x:auto}svg{width:100%;min-width:34rem;height:auto;display:block}
.grid{stroke:var(--line);stroke-width:1}.rule{stroke:var(--red);stroke-dasharray:4 3}.tick{fill:var(--quiet);
font:11px system-ui,sans-serif}
.middle{fill:none;stroke:var(--ink);stroke-width:.8}.band{fill:var(--band)}.expected{fill:none;stroke:var(--blue);stroke-width:1;opacity:.7}.value{fill:var(--ink);
fill-opacity:.35}.score{fill:none;stroke:var(--red);stroke-width:1.2}
.alarm{fill:var(--shade)}.bar{fill:var(--blue)}.meets{stroke:var(--green);stroke-width:2}
"""
MOST_NOTICES = 200  # in the table
KNOWN = 0.95  # of what devices showed: less is said
MISSED = ("from", "to", "match", "highest device or site", "highest series", "sensitivity that finds it")
WHEN = frozenset({"begins", "from", "to"})
TEXT = frozenset({"query", "model", "series_text", "series", "from", "to", "match"})


def page(found: Outcome, *, title: str, zone: tzinfo, version: str, facts: Mapping[str, str]) -> str:
    """Return the page; `facts` are lines about what was run, told at its end."""
    span = f"{_moment(found.terms.from_s, zone)} to {_moment(found.terms.to_s, zone)} ({zone})"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f'<h1>{escape(title)}</h1><p class="quiet">{escape(span)}</p>',
        _tiles(found),
        *_budget(found),
        *_incidents(found, zone),
        *_days(found, zone),
        *_notified(found, zone),
        *_queries(found),
        *_noisiest(found, zone),
        *_facts(found, facts, version),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _tiles(found: Outcome) -> str:
    judged = found.judgement
    whose = "notifications a week" if judged is None else "notifications a week that match no incident"
    tiles = [
        ("", f"{sum(lane.series for lane in found.lanes):,}", f"series of {found.hosts:,} devices"),
        ("", f"{len(found.alarms):,}", f"alarms in {found.days:.3g} days"),
        ("good" if found.within else "bad", f"{found.counted_a_week:.3g}", whose),
        ("", f"{found.budget:.3g}", "budget a week"),
        ("", "none" if found.meets is None else f"{found.meets:g}", "sensitivity that meets it"),
    ]
    if judged is not None:
        tiles += [
            ("", _percent(judged.precision), "precision"),
            ("", _percent(judged.recall), f"recall: {judged.found} of {judged.incidents} incidents"),
        ]
    inside = "".join(
        f'<div class="tile {kind}"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for kind, value, name in tiles
    )
    return f'<div class="tiles">{inside}</div>'


def _budget(found: Outcome) -> Iterable[str]:
    whose = "the sensitivity as configured" if found.judged is None else "<code>groups.sensitivity</code>"
    yield "<h2>Sensitivity and budget</h2>"
    if found.meets is None:
        yield f"<p>No sensitivity between {SENSITIVITIES[0]:g} and {SENSITIVITIES[-1]:g} stays within the budget.</p>"
    elif found.meets == SENSITIVITIES[-1]:
        yield f"<p>Even {found.meets:g} times {whose} stays within the budget.</p>"
    else:
        yield (
            f"<p><b>{found.meets:g}</b> times {whose} is the highest that stays within "
            f"{found.budget:.3g} notifications a week.</p>"
        )
    if found.judgement is not None:
        yield (
            f"<p>{found.judgement.true} of {found.judgement.notifications} notifications match a known incident: true "
            "ones do not count against the budget, here and in the curve.</p>"
        )
    yield _wide(curve_plot(SENSITIVITIES, found.a_week, budget=found.budget, meets=found.meets))
    yield (
        '<p class="quiet">Notifications a week over sensitivity, 1 as configured. Scores are scaled; that a more '
        "sensitive detector would also learn less while it alarms is not played again.</p>"
    )


def _incidents(found: Outcome, zone: tzinfo) -> Iterable[str]:
    judged = found.judgement
    if judged is None:
        return
    yield "<h2>Known incidents</h2>"
    half = sorted(judged.delays_s)[len(judged.delays_s) // 2] if judged.delays_s else 0.0
    delay = f" (median delay {_duration(half)})" if judged.delays_s else ""
    told = f"{judged.true} of {judged.notifications} notifications were about one"
    outside = f" {found.outside} more lie outside of the span." if found.outside else ""
    yield f"<p>{judged.found} of {judged.incidents} were found{delay}. {told}.{outside}</p>"
    if found.near:
        yield "<h3>Missed</h3>" + _table(MISSED, [_missed(one, zone) for one in found.near], text=MISSED)
        yield (
            '<p class="quiet">How high the scores came meanwhile, 1 being the threshold; and the sensitivity at which '
            "that device or site would have been notified of: the curve says what it costs.</p>"
        )


def _missed(one: Near, zone: tzinfo) -> tuple[str, ...]:
    incident, peak = one.incident, one.series
    return (
        _moment(incident.begins, zone),
        _moment(incident.to, zone),
        ", ".join(f"{k}=~{v.pattern}" for k, v in incident.match.items()),
        f"{one.score:.2f} {one.who}" if one.who else "none known",
        "none" if peak is None else f"{peak.score:.2f} {_named(peak.query, peak.labels)}",
        "none" if one.sensitivity is None else f"{one.sensitivity:.2g}",
    )


def _days(found: Outcome, zone: tzinfo) -> Iterable[str]:
    table = per_day(found, zone)
    labels = [f"{day:%a %d %b}" for day in table.index]
    yield "<h2>Alarms per day</h2>"
    yield _wide(bars_plot(labels, [float(one) for one in table["alarms"]], name="alarms per day"))
    yield "<h3>Notifications per day</h3>"
    yield _wide(bars_plot(labels, [float(one) for one in table["notifications"]], name="notifications per day"))


def _notified(found: Outcome, zone: tzinfo) -> Iterable[str]:
    table = notified(found, zone)
    yield "<h2>Notifications</h2>"
    if found.judged is not None and found.judged < KNOWN:
        yield (
            f"<p>Devices were known for {found.judged:.0%} of what they showed: history before the span is too short "
            "for the rest, of which single series notify.</p>"
        )
    if not len(table):
        yield "<p>None.</p>"
        return
    yield _frame(table.head(MOST_NOTICES), {"peak": "{:.3g}", "hours": "{:.3g}"})
    if len(table) > MOST_NOTICES:
        yield f'<p class="quiet">The first {MOST_NOTICES} of {len(table):,}.</p>'


def _queries(found: Outcome) -> Iterable[str]:
    yield "<h2>By query</h2>"
    yield _frame(per_query(found), {"alarms a day": "{:.3g}", "a series and day": "{:.3g}", "judged": "{:.0%}"})


def _noisiest(found: Outcome, zone: tzinfo) -> Iterable[str]:
    table = noisiest(found)
    yield "<h2>The noisiest series</h2>"
    yield _frame(table, {"peak": "{:.3g}", "hours": "{:.3g}"}) if len(table) else "<p>No series alarmed.</p>"
    for trace in found.traces:
        series, count = escape(_named(trace.query, trace.labels)), trace.alarms
        yield f"<h3>{series}: {count} alarm{'' if count == 1 else 's'}</h3>"
        yield _wide(series_plot(trace, zone))
    yield (
        '<p class="quiet">Dark: samples. Blue: expected, and the band. Red below: the score, cut at 3, and its '
        "threshold. Shaded: alarms. A column of the picture spans several samples, from the lowest to the highest.</p>"
    )


def _facts(found: Outcome, facts: Mapping[str, str], version: str) -> Iterable[str]:
    terms = found.terms
    every = dict(facts) | {
        "alarm": f"above 1 for {Duration(terms.for_s)}; less than {Duration(terms.apart_s)} apart is one",
        "notification": _what_notifies(found),
        "made by": f"heronwatch {version}",
    }
    rows = "".join(
        f'<tr><td class="text">{escape(name)}</td><td class="text">{escape(text)}</td></tr>'
        for name, text in every.items()
    )
    yield f"<h2>What was run</h2>{_wide(f'<table>{rows}</table>')}"


def _what_notifies(found: Outcome) -> str:
    apart = Duration(found.terms.apart_s)
    series = f"alarms of one device that begin within {apart} of the one before"
    if found.judged is None:
        return series
    return f"a device or a site above 1, until it was below for {apart}; while a device is not known, {series}"


def _frame(table: Any, formats: Mapping[str, str]) -> str:
    names = [str(name) for name in table.columns]
    rows = [
        tuple(
            formats.get(name, "{:,}" if not isinstance(value, str) else "{}").format(value)
            for name, value in zip(names, row, strict=True)
        )
        for row in table.itertuples(index=False, name=None)
    ]
    return _table(names, rows, text={name for name in names if table[name].dtype.kind not in "iuf"})


def _table(names: Sequence[str], rows: Iterable[Sequence[str]], *, text: Iterable[str] = TEXT) -> str:
    kinds = [("text when" if name in WHEN else "text") if name in set(text) else "" for name in names]
    head = "".join(f'<th class="{kind}">{escape(name)}</th>' for kind, name in zip(kinds, names, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{kind}">{escape(cell)}</td>' for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return _wide(f"<table><tr>{head}</tr>{body}</table>")


def _wide(inside: str) -> str:
    """Let what is wider than a phone be pushed aside on its own, while the page stays."""
    return f'<div class="wide">{inside}</div>'


def _named(query: str, labels: Labels) -> str:
    pairs = ", ".join(f'{name}="{value}"' for name, value in labels)
    return f"{query}{{{pairs}}}"


def _moment(time_s: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(time_s, zone):%Y-%m-%d %H:%M}"


def _duration(seconds: float) -> str:
    return str(Duration(round(seconds / 60) * 60)) if seconds >= 60 else f"{seconds:.0f}s"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.0%}"
