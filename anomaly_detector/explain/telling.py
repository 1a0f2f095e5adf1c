"""An explanation as text for a terminal, and as plain values for JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from anomaly_detector.explain.finding import Explanation, Held, Mates, Said
from anomaly_detector.feedback.verdicts import moment

WIDTH = 24  # of a bar that stands for 1, the threshold
LONGEST = 2 * WIDTH
MOST_PARTS = 6
LEAST_SHARE = 0.02
MOST_QUERIES = 8
DIFFERS = 0.1  # from what was written: more is worth a line


def as_builtins(told: Explanation) -> dict[str, Any]:
    """Return plain values; `at` as text, and how many of the host's series agree."""
    out: dict[str, Any] = msgspec.to_builtins(told)
    above, series = told.agreeing
    return out | {"at": moment(told.at), "agreeing": {"above": above, "series": series}}


def as_text(told: Explanation) -> str:
    """Return what a person reads."""
    return "\n".join(_lines(told))


def _lines(told: Explanation) -> Iterator[str]:
    yield f"{told.series} at {moment(told.at)[:19]}Z"
    yield _line("actual", "no sample" if told.actual is None else _number(told.actual))
    if told.limit:
        yield _line("limit", told.limit)
    for said in told.said:
        yield from _said(said)
    yield from _host(told)
    for sentence in told.feedback:
        yield _line("feedback", f"raised by {sentence}")
    for sentence in told.accepted:
        yield _line("level", f"accepted: {sentence}")
    yield _line("learning", told.not_learning or "from this sample, too")
    yield _line("known from", told.learnt)


def _said(said: Said) -> Iterator[str]:
    verdict = "anomalous" if said.score > 1 else "usual"
    stored = "" if said.written is None else f", written {said.written:.2f}"
    yield _line("score", f"{said.score:.2f} ({verdict}) by {said.alias} ({said.model}){stored}")
    yield _line("expected", f"{_number(said.expected)}, usual {_number(said.lower)} to {_number(said.upper)}")
    if said.raised_by > 1:
        yield _line(
            "threshold", f"raised by {said.raised_by - 1:.0%} by people; without it {said.score * said.raised_by:.2f}"
        )
    if said.confidence < 1:
        yield _line("warming up", f"{said.confidence:.0%} done; the score is 0 until then")
    if said.written is not None and abs(said.written - said.score) > DIFFERS:
        yield _line(
            "differs", f"the running detector wrote {said.written:.2f}, having learnt otherwise: see known from"
        )
    if said.held:
        yield _line("held", _held(said.held))
    yield from _features(said)
    yield from _testimony(said)


def _held(held: Held) -> str:
    since = f"from {held.score:.2f} at {moment(held.at)[11:16]}Z, falling (hold: {held.hold} samples)"
    return f"{since}; by itself this sample scores {held.by_itself:.2f}"


def _features(said: Said) -> Iterator[str]:
    for name, share in sorted(said.shares.items(), key=lambda one: -said.features[one[0]]):
        score = said.features[name]
        yield _line("feature", f"{name:<12} {score:5.2f}  {share:4.0%}  {bar(score)}")
    for name, score in said.features.items():
        if name not in said.shares:
            yield _line("feature", f"{name:<12} {score:5.2f}  tells, does not score")


def _testimony(said: Said) -> Iterator[str]:
    generations: Mapping[str, float] = said.testimony.generations
    if generations:
        agree = sum(score > 1 for score in generations.values())
        each = ", ".join(f"{name} {score:.2f}" for name, score in generations.items())
        yield _line("generations", f"{agree} of {len(generations)} say anomalous: {each}")
    shares = sorted(said.testimony.shares.items(), key=lambda one: -one[1])[:MOST_PARTS]
    if shares and shares[0][1] > 0:
        yield _line("most by", ", ".join(f"{name} {share:.0%}" for name, share in shares if share >= LEAST_SHARE))


def _host(told: Explanation) -> Iterator[str]:
    above, series = told.agreeing
    whose = f"{told.host}: " if told.host else ""
    if not series:
        yield _line("host", f"{whose}no series with a sample")
        return
    yield _line("host", f"{whose}{above} of {series} series above 1 ({above / series:.0%})")
    for one in sorted(told.mates, key=lambda mates: (-mates.above, -mates.near))[:MOST_QUERIES]:
        if one.above or one.near:
            yield _line("", _query(one))


def _query(mates: Mates) -> str:
    worst = f"; {mates.worst[0][0]} {mates.worst[0][1]:.2f}" if mates.worst else ""
    return f"{mates.query}: {mates.above} of {mates.series} above 1, {mates.near} near{worst}"


def bar(score: float) -> str:
    """Return a bar for a score; a mark stands where the threshold is.

    >>> bar(0.5), bar(1.25)
    ('############            |', '########################|######')
    """
    length = min(round(score * WIDTH), LONGEST)
    return f"{'#' * min(length, WIDTH):<{WIDTH}}|{'#' * max(0, length - WIDTH)}"


def _line(name: str, text: str) -> str:
    return f"  {name:<12} {text}".rstrip()


def _number(value: float) -> str:
    return f"{value:.6g}"
