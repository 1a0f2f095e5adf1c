"""The report: one HTML page that needs nothing else, no script, no font, no request. Pure text."""

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from html import escape

from anomaly_detector.backtest.alarms import SENSITIVITIES
from anomaly_detector.backtest.choices import Choice
from anomaly_detector.backtest.markup import STYLE, duration, frame, moment, percent, table, wide
from anomaly_detector.backtest.near import Near
from anomaly_detector.backtest.outcome import MOST_HARDLY, Outcome
from anomaly_detector.backtest.plots import bars_plot, curve_plot, series_plot
from anomaly_detector.backtest.tables import noisiest, notified, per_day, per_query
from anomaly_detector.explain.subject import written
from anomaly_detector.hardly_alarming import REMEDIES, Hardly
from heronwatch.values import Duration

MOST_NOTICES = 200  # in the table
KNOWN = 0.95  # of what devices showed: less is said
PEAKS = {"highest score": "{:.3g}", "hours above 1": "{:.3g}"}
CHOICES = ("sensitivity", "incidents found", "notifications a week beside them", "")
HARDLY = ("series", "usual now", "was seen at", "would score", "why")
MISSED = ("from", "to", "match", "highest device or site", "highest series", "sensitivity that finds it")


def page(found: Outcome, *, title: str, zone: tzinfo, version: str, facts: Mapping[str, str]) -> str:
    """Return the page; `facts` are lines about what was run, told at its end."""
    span = f"{moment(found.terms.from_s, zone)} to {moment(found.terms.to_s, zone)} ({zone})"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f'<h1>{escape(title)}</h1><p class="quiet">{escape(span)}{_whose(facts)}</p>',
        _tiles(found),
        *_budget(found),
        *_incidents(found, zone),
        *_days(found, zone),
        *_notified(found, zone),
        *_queries(found),
        *_noisiest(found, zone),
        *_hardly(found),
        *_facts(found, facts, version, zone),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _whose(facts: Mapping[str, str]) -> str:
    """Return of which configuration and server it is, as far as that is told."""
    told = [facts[name] for name in ("configuration", "read from") if name in facts]
    return "".join(f" · {escape(one)}" for one in told)


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
            ("", percent(judged.precision), "precision"),
            ("", percent(judged.recall), f"recall: {judged.found} of {judged.incidents} incidents"),
        ]
    inside = "".join(
        f'<div class="tile {kind}"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for kind, value, name in tiles
    )
    return f'<div class="tiles">{inside}</div>'


def _budget(found: Outcome) -> Iterable[str]:
    judged = found.judgement
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
    if judged is not None:
        yield (
            f"<p>{judged.true} of {judged.notifications} notifications match a known incident: true "
            "ones do not count against the budget, here and in the curve.</p>"
        )
    recall = None if judged is None or found.found is None else found.found / max(1, judged.incidents)
    yield wide(curve_plot(SENSITIVITIES, found.a_week, budget=found.budget, meets=found.meets, recall=recall))
    blue = "" if recall is None else "; blue: the share of the known incidents that are found"
    yield (
        f'<p class="quiet">Red: notifications a week over sensitivity, 1 as configured{blue}. Scores are scaled; that '
        "a more sensitive detector would also learn less while it alarms is not played again.</p>"
    )


def _incidents(found: Outcome, zone: tzinfo) -> Iterable[str]:
    judged = found.judgement
    if judged is None:
        return
    yield "<h2>Known incidents</h2>"
    half = sorted(judged.delays_s)[len(judged.delays_s) // 2] if judged.delays_s else 0.0
    delay = f" (median delay {duration(half)})" if judged.delays_s else ""
    told = f"{judged.true} of {judged.notifications} notifications were about one"
    outside = f" {found.outside} more lie outside of the span." if found.outside else ""
    yield f"<p>{judged.found} of {judged.incidents} were found{delay}. {told}.{outside}</p>"
    yield "<h3>What another sensitivity would find</h3>"
    yield table(CHOICES, [_choice(one, found) for one in found.choices], text=CHOICES[3:])
    if found.finds_most is None and found.near:
        yield f"<p>None of the missed is found at up to {SENSITIVITIES[-1]:g} times the sensitivity.</p>"
    if found.near:
        yield "<h3>Missed</h3>" + table(MISSED, [_missed(one, zone) for one in found.near], text=MISSED)
        yield (
            '<p class="quiet">How high the scores came meanwhile, 1 being the threshold; and the sensitivity at which '
            "that device or site would have been notified of: the curve says what it costs.</p>"
        )


def _choice(one: Choice, found: Outcome) -> tuple[str, ...]:
    words = ["within the budget" if one.a_week <= found.budget else "above the budget"]
    words += ["as configured"] if one.sensitivity == 1 else []
    words += ["the highest within it"] if one.sensitivity == found.meets else []
    incidents = found.judgement.incidents if found.judgement else 0
    return f"{one.sensitivity:g}", f"{one.found} of {incidents}", f"{one.a_week:.3g}", ", ".join(words)


def _hardly(found: Outcome) -> Iterable[str]:
    if not found.hardly:
        return
    yield "<h2>Series that can hardly alarm</h2>"
    yield (
        "<p>If they stayed at twice the highest value that they were seen at, or went as far below, or to an end of "
        "<code>data_range</code>, they would not score above 1 by themselves. Their device is notified of all the same "
        "where that is far more than it ever showed.</p>"
    )
    yield table(HARDLY, [_hardly_row(one) for one in found.hardly[:MOST_HARDLY]], text=("series", "why"))
    if len(found.hardly) > MOST_HARDLY:
        yield f'<p class="quiet">The first {MOST_HARDLY} of {len(found.hardly):,}.</p>'
    for why in (why for why in REMEDIES if any(one.why == why for one in found.hardly)):
        yield f"<p>Where {escape(why)}: {escape(REMEDIES[why])}.</p>"


def _hardly_row(one: Hardly) -> tuple[str, ...]:
    usual, seen = f"{one.lower:.4g} to {one.upper:.4g}", f"{one.least:.4g} to {one.most:.4g}"
    return written(one.query, one.labels), usual, seen, f"{one.score:.2f}", one.why


def _missed(one: Near, zone: tzinfo) -> tuple[str, ...]:
    incident, peak = one.incident, one.series
    return (
        moment(incident.begins, zone),
        moment(incident.to, zone),
        ", ".join(f"{k}=~{v.pattern}" for k, v in incident.match.items()),
        f"{one.score:.2f} {one.who}" if one.who else "none known",
        "none" if peak is None else f"{peak.score:.2f} {written(peak.query, peak.labels)}",
        "none" if one.sensitivity is None else f"{one.sensitivity:.2g}",
    )


def _days(found: Outcome, zone: tzinfo) -> Iterable[str]:
    days = per_day(found, zone)
    labels = [f"{day:%a %d %b}" for day in days.index]
    yield "<h2>Alarms per day</h2>"
    yield wide(bars_plot(labels, [float(one) for one in days["alarms"]], name="alarms per day"))
    yield "<h3>Notifications per day</h3>"
    yield wide(bars_plot(labels, [float(one) for one in days["notifications"]], name="notifications per day"))


def _notified(found: Outcome, zone: tzinfo) -> Iterable[str]:
    rows = notified(found, zone)
    yield "<h2>Notifications</h2>"
    if found.judged is not None and found.judged < KNOWN:
        yield (
            f"<p>Devices were known for {found.judged:.0%} of what they showed: history before the span is too short "
            "for the rest, of which single series notify.</p>"
        )
    if not len(rows):
        yield "<p>None.</p>"
        return
    yield frame(rows.head(MOST_NOTICES), PEAKS)
    if len(rows) > MOST_NOTICES:
        yield f'<p class="quiet">The first {MOST_NOTICES} of {len(rows):,}.</p>'


def _queries(found: Outcome) -> Iterable[str]:
    yield "<h2>By query</h2>"
    yield frame(per_query(found), {"alarms a day": "{:.3g}", "a series and day": "{:.3g}", "judged": "{:.0%}"})


def _noisiest(found: Outcome, zone: tzinfo) -> Iterable[str]:
    rows = noisiest(found)
    yield "<h2>The noisiest series</h2>"
    yield frame(rows, PEAKS) if len(rows) else "<p>No series alarmed.</p>"
    for trace in found.traces:
        series, count = escape(written(trace.query, trace.labels)), trace.alarms
        yield f"<h3>{series}: {count} alarm{'' if count == 1 else 's'}</h3>"
        yield wide(series_plot(trace, zone))
    yield (
        '<p class="quiet">The noisiest, and what came nearest to each missed incident. Dark: samples. Blue: expected, '
        "and the band. Red below: the score, cut at 3, and its threshold. Shaded: alarms. A column of the picture is "
        "several samples, from the lowest to the highest. A band without a dashed edge goes on beyond the picture.</p>"
    )


def _facts(found: Outcome, facts: Mapping[str, str], version: str, zone: tzinfo) -> Iterable[str]:
    terms = found.terms
    late = (f"{query} {moment(first_s, zone)}" for query, first_s in found.late.items())
    every = dict(facts) | ({"begins within the span": ", ".join(late)} if found.late else {})
    every |= {
        "alarm": f"above 1 for {Duration(terms.for_s)}; less than {Duration(terms.apart_s)} apart is one",
        "notification": _what_notifies(found),
        "made by": f"heronwatch {version}",
    }
    rows = "".join(
        f'<tr><td class="text">{escape(name)}</td><td class="text">{escape(text)}</td></tr>'
        for name, text in every.items()
    )
    yield f"<h2>What was run</h2>{wide(f'<table>{rows}</table>')}"


def _what_notifies(found: Outcome) -> str:
    apart = Duration(found.terms.apart_s)
    series = f"alarms of one device that begin within {apart} of the one before"
    if found.judged is None:
        return series
    return f"a device or a site above 1, until it was below for {apart}; while a device is not known, {series}"
