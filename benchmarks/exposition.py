"""Two answers in Prometheus' text format, compared sample by sample."""

import math

from msgspec import Struct, field

NOT_OF_THE_DEVICE = "snmp_scrape_"
"""What a scrape cost differs by nature."""


class Answer(Struct):
    """An answer: its HTTP status, the samples by series, TYPE and HELP by name; `reason` is the body of a failure."""

    status: int
    samples: dict[str, float] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    reason: str = ""


class Difference(Struct, frozen=True):
    """What differs between ours and theirs; each entry is one series, type or status."""

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.different)


def parse(status: int, body: str) -> Answer:
    r"""Read the body of an answer.

    >>> parse(200, '# TYPE up gauge\nup{a="1"} 2\nsnmp_scrape_pdus_returned 3\n').samples
    {'up{a="1"}': 2.0}
    """
    answer = Answer(status)
    if status != 200:
        answer.reason = body.strip()[:300]
        return answer
    for line in body.split("\n"):
        if line.startswith(("# HELP ", "# TYPE ")):
            _, kind, name, text = (line + " ").split(" ", 3)
            if not name.startswith(NOT_OF_THE_DEVICE):
                (answer.types if kind == "TYPE" else answer.helps)[name] = text.strip()
        elif line and not line.startswith(("#", NOT_OF_THE_DEVICE)):
            series, _, value = line.rpartition(" ")
            answer.samples[series] = float(value)
    return answer


def compare(ours: Answer, theirs: Answer) -> Difference:
    """Return what differs; where one failed, the status alone counts."""
    if ours.status != 200 or theirs.status != 200:
        if ours.status == theirs.status:
            return Difference()
        return Difference(different=(f"status {ours.status} {ours.reason} | {theirs.status} {theirs.reason}",))
    return Difference(
        missing=tuple(sorted(theirs.samples.keys() - ours.samples.keys())),
        extra=tuple(sorted(ours.samples.keys() - theirs.samples.keys())),
        different=(*_values(ours.samples, theirs.samples), *_texts("TYPE", ours.types, theirs.types)),
        helps=_texts("HELP", ours.helps, theirs.helps),
    )


def _values(ours: dict[str, float], theirs: dict[str, float]) -> tuple[str, ...]:
    both = sorted(ours.keys() & theirs.keys())
    return tuple(f"{key} {ours[key]!r} | {theirs[key]!r}" for key in both if not _same(ours[key], theirs[key]))


def _same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


def _texts(kind: str, ours: dict[str, str], theirs: dict[str, str]) -> tuple[str, ...]:
    names = sorted(ours.keys() & theirs.keys())
    return tuple(f"{kind} {name} {ours[name]} | {theirs[name]}" for name in names if ours[name] != theirs[name])
