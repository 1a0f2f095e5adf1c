"""Stretches of time, from a moment up to but without another, and what sorted rows of them make together. Pure."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace


class Span(Struct, frozen=True, order=True):
    """From `start` up to but without `end`, Unix seconds."""

    start: float
    end: float


class Shift(Struct, frozen=True):
    """One person is on call from `start` up to but without `end`, Unix seconds; `source` says by what."""

    start: float
    end: float
    person: str
    source: str


def clipped(shift: Shift, start: float, end: float) -> Shift | None:
    """Return the part of a shift inside a stretch, None where there is none."""
    begins, ends = max(shift.start, start), min(shift.end, end)
    return replace(shift, start=begins, end=ends) if begins < ends else None


def united(spans: Iterable[Span]) -> list[Span]:
    """Return the same time as spans that neither overlap nor touch, in order.

    >>> united([Span(3, 5), Span(1, 2), Span(4, 9), Span(2, 3)])
    [Span(start=1, end=9)]
    """
    found: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def within(shifts: Sequence[Shift], spans: Sequence[Span]) -> list[Shift]:
    """Return the parts of shifts that lie inside spans; both are in order and without overlap."""
    found: list[Shift] = []
    first = 0
    for shift in shifts:
        while first < len(spans) and spans[first].end <= shift.start:
            first += 1
        index = first
        while index < len(spans) and spans[index].start < shift.end:
            part = clipped(shift, spans[index].start, spans[index].end)
            found += [part] if part else []
            index += 1
    return found


def holes(spans: Sequence[Span], start: float, end: float) -> list[Span]:
    """Return what is left of a stretch without these spans, which are in order and without overlap.

    >>> holes([Span(1, 2), Span(4, 5)], 0, 5)
    [Span(start=0, end=1), Span(start=2, end=4)]
    """
    found: list[Span] = []
    at = start
    for span in spans:
        if span.start > at:
            found.append(Span(at, min(span.start, end)))
        at = max(at, span.end)
        if at >= end:
            break
    if at < end:
        found.append(Span(at, end))
    return [span for span in found if span.start < span.end]


def overlaid(below: Sequence[Shift], above: Sequence[Shift], start: float, end: float) -> list[Shift]:
    """Return `above`, and `below` where `above` has nobody; both are in order and without overlap."""
    free = holes(united(Span(shift.start, shift.end) for shift in above), start, end)
    return sorted([*above, *within(below, free)], key=lambda shift: shift.start)


def joined(shifts: Iterable[Shift]) -> list[Shift]:
    """Return the shifts with those of one person, by one source, that follow one another at once made one."""
    found: list[Shift] = []
    for shift in shifts:
        last = found[-1] if found else None
        if last and (last.end, last.person, last.source) == (shift.start, shift.person, shift.source):
            found[-1] = replace(last, end=shift.end)
        else:
            found.append(shift)
    return found
