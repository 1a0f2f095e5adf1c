"""When something was known to be wrong with whom: what is notified then is true, and counts against no budget."""

from collections.abc import Iterable, Mapping, Sequence

from anomaly_detector.scoring.learning import Labels, Pause

Who = tuple[str, str, str]  # query, kind and name
About = Mapping[Who, Sequence[Labels]]  # which series that is
Spans = Mapping[Who, Sequence[tuple[float, float]]]  # from when to when it was in trouble
Met = tuple[str, str, str, float, float]  # whom a notification was about, and the span of trouble that it met


def spans_of(incidents: Sequence[Pause], about: About) -> Spans:
    """Return when whom something was wrong with; those of whom nothing is known are left out."""
    found = {
        who: [(float(one.begins), float(one.to)) for one in incidents if any(one.is_about(labels) for labels in series)]
        for who, series in about.items()
    }
    return {who: spans for who, spans in found.items() if spans}


def during(spans: Iterable[tuple[float, float]], begins: float, ends: float) -> bool:
    """Return whether a notification overlaps one of the spans.

    >>> during([(100.0, 200.0)], 90.0, 120.0), during([(100.0, 200.0)], 200.0, 300.0)
    (True, False)
    """
    return bool(met(spans, begins, ends))


def met(spans: Iterable[tuple[float, float]], begins: float, ends: float) -> list[tuple[float, float]]:
    """Return the spans that a notification overlaps."""
    return [(since, to) for since, to in spans if begins < to and ends >= since]


def found_at(known: Sequence[Pause], about: About, curve: Sequence[Iterable[Met]]) -> list[int]:
    """Return how many of the `known` incidents each entry of a curve finds: those that any of its notifications met."""
    which: dict[Met, frozenset[int]] = {}
    for one in {one for entry in curve for one in entry}:
        series, span = about.get(one[:3], ()), one[3:]
        which[one] = frozenset(
            number
            for number, incident in enumerate(known)
            if (float(incident.begins), float(incident.to)) == span and any(map(incident.is_about, series))
        )
    return [len(frozenset().union(*(which[one] for one in entry))) for entry in curve]
