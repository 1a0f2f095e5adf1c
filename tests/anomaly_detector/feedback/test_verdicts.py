"""Bodies of the API and lines of the journal: what is taken, what is refused and why."""

import json
from typing import Any

import pytest

from anomaly_detector.feedback.verdicts import Entry, Listing, Undo, entry_of, read, written

NOW_S = 1_792_893_600.0
LABELS = {"for": "cpu", "instance": "sw1"}


def body(**changes: Any) -> bytes:
    said = {"labels": LABELS, "start": NOW_S - 600, "end": NOW_S, "verdict": "false_alarm"} | changes
    return json.dumps({name: value for name, value in said.items() if value is not None}).encode()


def test_a_verdict_is_read() -> None:
    entry = entry_of(body(who="ana"), identity="1f", now=NOW_S)
    assert (entry.id, entry.at, entry.query, entry.who) == ("1f", NOW_S, "cpu", "ana")
    assert (entry.start, entry.end) == (NOW_S - 600, NOW_S)


def test_times_may_be_text_with_an_offset() -> None:
    entry = entry_of(body(start="2026-10-25T02:00:00+01:00", end="2026-10-25T03:00:00+01:00"), identity="1", now=NOW_S)
    assert (entry.start, entry.end) == (NOW_S - 3600, NOW_S)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "not a verdict"),
        (b"[]", "not a verdict"),
        (b"[" * 5000, "not a verdict"),
        (b"\xff\xfe", "not a verdict"),
        (body(verdict="harmless"), "not a verdict"),
        (body(labels={}), "not a verdict"),
        (body(labels={"a b": "c"}), "not a verdict"),
        (body(labels={f"l{n}": "v" for n in range(65)}), "not a verdict"),
        (body(labels=LABELS | {"x": "y" * 1025}), "not a verdict"),
        (body(who="w" * 201), "not a verdict"),
        (body(start=None), "not a verdict"),
        (body(start=NOW_S + 1), "end is before start"),
        (body(end=NOW_S + 8 * 86_400), "end is more than 7 days ahead"),
        (body(start=-1), "start is not a time"),
        (body(start=1e300, end=1e301), "start is not a time"),
        (body(start="2026-10-25 02:00"), "start: "),
        (body(labels={"instance": "sw1"}), "labels.for is missing"),
    ],
)
def test_what_cannot_be_taken_says_why(sent: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        entry_of(sent, identity="1", now=NOW_S)


def test_an_incident_needs_no_query() -> None:
    entry = entry_of(body(labels={"instance": "sw1"}, verdict="incident"), identity="1", now=NOW_S)
    assert entry.query == ""


@pytest.mark.parametrize(
    "line",
    [
        Entry(id="1f", at=NOW_S, verdict="expected", labels=LABELS, start=NOW_S - 0.5, end=NOW_S, who='a "b"\n'),
        Entry(id="2", at=NOW_S, verdict="false_alarm", labels=LABELS, start=0.0, end=1.0, scope="device"),
        Undo(id="1f", at=NOW_S, who="ana"),
        Listing(at=NOW_S, raised=0),
    ],
)
def test_a_line_is_read_as_it_was_written(line: Entry | Undo | Listing) -> None:
    text = written(line)
    assert text.count(b"\n") == 1
    assert read(text) == line


def test_a_line_can_be_read_by_people() -> None:
    entry = Entry(id="1f", at=NOW_S, verdict="false_alarm", labels=LABELS, start=NOW_S - 600, end=NOW_S, who="ana")
    assert json.loads(written(entry)) == {
        "at": "2026-10-25T02:00:00.000+00:00",
        "id": "1f",
        "verdict": "false_alarm",
        "labels": LABELS,
        "start": "2026-10-25T01:50:00.000+00:00",
        "end": "2026-10-25T02:00:00.000+00:00",
        "who": "ana",
    }


@pytest.mark.parametrize("text", [b"{}", b"null", b'{"at":"x"}', b'{"at":"2026-10-25T02:00:00Z"}', b'{"at":'])
def test_what_is_no_line_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)
