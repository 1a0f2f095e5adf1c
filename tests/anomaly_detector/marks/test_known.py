"""Marks told now and before: hours on the wall, windows that are gone, and what nobody can read."""

from datetime import UTC, datetime

import pytest

from anomaly_detector.errors import BadAnswerError
from anomaly_detector.marks.known import Known, Told
from anomaly_detector.marks.matching import MarkedPause
from anomaly_detector.marks.silences import parse_silences
from anomaly_detector.marks.webhook import Incident, WeeklyHours, Window, parse_incidents, parse_windows, window_pauses

DAY_S = 86_400.0
NOW_S = datetime(2026, 10, 26, 12, tzinfo=UTC).timestamp()  # the Monday after the clocks went back
SWITCH = (("instance", "sw1"),)


def window(**changes: object) -> Window:
    values: dict[str, object] = {
        "id": 1, "title": "w", "match": {"instance": "sw1"}, "match_re": {}, "begins": None, "to": None,
        "time_zone": None, "hours": (),
    }  # fmt: skip
    return Window(**(values | changes))  # type: ignore[arg-type]


def nightly(**changes: object) -> Window:
    hours = WeeklyHours(days=("sat", "sun"), begins="22:00", to="04:00")
    return window(time_zone="Europe/Berlin", hours=(hours,), **changes)


def test_hours_are_those_of_the_wall_when_the_clocks_change() -> None:
    pauses = window_pauses(nightly(), ("instance",), now_s=NOW_S, back_s=3 * DAY_S)
    spans = [(datetime.fromtimestamp(p.begins, UTC), datetime.fromtimestamp(p.to, UTC)) for p in pauses]
    assert spans == [
        (datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 3, tzinfo=UTC)),  # one hour longer
        (datetime(2026, 10, 25, 21, tzinfo=UTC), datetime(2026, 10, 26, 3, tzinfo=UTC)),
    ]


def test_hours_end_with_their_window() -> None:
    to_s = datetime(2026, 10, 25, 22, tzinfo=UTC).timestamp()
    pauses = window_pauses(nightly(to=to_s), ("instance",), now_s=NOW_S, back_s=DAY_S)
    assert [pause.to for pause in pauses] == [to_s]


def known() -> Known:
    return Known(("instance",), before_s=600.0, back_s=14 * DAY_S)


def spans(one: Known) -> list[tuple[float, float]]:
    return [(pause.begins, pause.to) for pause in one.pauses()[0] if pause.is_about(SWITCH)]


def test_a_window_that_is_told_no_more_ended_then() -> None:
    one = known()
    one.hear(Told(now_s=NOW_S, windows=[window(begins=NOW_S - 60, to=NOW_S + 7200)]))
    one.hear(Told(now_s=NOW_S + 600))
    assert spans(one) == [(NOW_S - 60, NOW_S + 600)]
    one.hear(Told(now_s=NOW_S + 15 * DAY_S))
    assert spans(one) == []


def test_an_incident_that_is_open_no_more_ended_then() -> None:
    one, incident = known(), Incident(id=7, labels={"instance": "sw1"}, started_at=NOW_S, resolved_at=None)
    one.hear(Told(now_s=NOW_S, incidents=[incident], open_ids=frozenset({7})))
    one.hear(Told(now_s=NOW_S + 30 * DAY_S, open_ids=frozenset({7})))
    assert spans(one) == [(NOW_S - 600, float("inf"))]
    one.hear(Told(now_s=NOW_S + 31 * DAY_S))
    assert spans(one) == [(NOW_S - 600, NOW_S + 31 * DAY_S)]


@pytest.mark.parametrize(
    "odd",
    [
        window(match={}, match_re={"instance": "sw["}),
        nightly(id=2).__class__(
            **{**{f: getattr(nightly(), f) for f in nightly().__struct_fields__}, "time_zone": "Atlantis"}
        ),
    ],
)
def test_what_cannot_be_read_is_said_and_costs_nothing_else(odd: Window) -> None:
    one = known()
    one.hear(Told(now_s=NOW_S, windows=[odd, window(id=9, title="good", begins=NOW_S, to=NOW_S + 1)]))
    pauses, words = one.pauses()
    assert len(pauses) == len(words) == 1
    assert isinstance(pauses[0], MarkedPause)
    assert pauses[0].mark == "window 9 good"
    assert words[0].startswith(f"window {odd.id} w: ")


@pytest.mark.parametrize("parse", [parse_incidents, parse_windows, parse_silences])
@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"incidents": [{}]}', b'{"windows": 1}', b'[{"id": 1}]'])
def test_another_body_is_a_bad_answer(parse: object, body: bytes) -> None:
    with pytest.raises(BadAnswerError):
        parse(body)  # type: ignore[operator]
