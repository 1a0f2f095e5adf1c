"""What verdicts change: by how much, for how long, for which series, and what they never touch."""

import msgspec
import numpy as np
import pytest

from anomaly_detector.feedback.effects import (
    LASTS_S,
    MOST,
    Marks,
    Raised,
    about,
    distinct,
    factor,
    marks_of,
    pauses,
    said_before,
)
from anomaly_detector.feedback.journal import Past
from anomaly_detector.feedback.verdicts import Entry, Undo, Verdict
from anomaly_detector.instant import Judged
from anomaly_detector.models.model import Verdict as Judgement
from anomaly_detector.series_table import SeriesTable
from anomaly_detector.sink.series import Identity
from tests.fakes.detector_plans import plan

NOW_S = 1_792_893_600.0
DAY_S = 86_400.0
Q = Identity("q", "default")
SERIES = (("ifName", "eth0"), ("instance", "sw1"))
ALERT = {"for": "q", "model_alias": "default", "instance": "sw1", "ifName": "eth0", "prometheus": "eu", "team": "net"}


def said(
    identity: str = "1",
    verdict: Verdict = "false_alarm",
    *,
    days_ago: float = 0,
    begins: float = 0,
    labels: dict[str, str] = ALERT,
) -> Entry:
    at = NOW_S - days_ago * DAY_S
    return Entry(id=identity, at=at, verdict=verdict, labels=labels, start=at - 600 + begins, end=at + begins)


def marks(*entries: Entry, undone: str = "", now: float = NOW_S) -> Marks:
    undo = {undone: Undo(id=undone, at=now)} if undone else {}
    return marks_of(Past(entries=entries, undone=undo), now, version=1)


def table(*series: tuple[tuple[str, str], ...]) -> SeriesTable:
    out = SeriesTable()
    for labels in series:
        out.add(labels)
    return out


def judged(*scores: float) -> Judged:
    count = len(scores)
    return Judged(
        lane="default",
        time_s=NOW_S,
        rows=np.arange(count),
        verdict=Judgement(
            score=np.array(scores, np.float32),
            expected=np.full(count, 50.0),
            lower=np.full(count, 40.0),
            upper=np.full(count, 60.0),
            contribution=np.array([scores], np.float32),
            confidence=np.ones(count, np.float32),
        ),
        ended=np.zeros(0, np.intp),
        warmed=np.zeros(0, np.intp),
    )


def test_one_false_alarm_raises_by_a_fifth() -> None:
    assert factor(marks(said()), SERIES, Q) == pytest.approx(1.2)


def test_the_same_alarm_said_twice_counts_once() -> None:
    assert factor(marks(said("1"), said("2", begins=300)), SERIES, Q) == pytest.approx(1.2)


def test_of_each_alarm_what_was_said_last_is_told() -> None:
    every = [said("1"), said("2", begins=300), said("3", begins=5000)]
    later = [msgspec.structs.replace(one, at=one.at + number) for number, one in enumerate(every)]
    assert [one.id for one in distinct(later)] == ["2", "3"]
    assert [one.id for one in distinct(later[::-1])] == ["2", "3"]
    assert distinct([]) == []


def test_two_who_say_so_of_one_alarm_within_the_hour_count_once() -> None:
    assert factor(marks(said("1"), said("2", begins=3000)), SERIES, Q) == pytest.approx(1.2)
    assert factor(marks(said("1"), said("2", begins=5000)), SERIES, Q) == pytest.approx(1.44)
    before = said_before(marks(said("1")), said("2", begins=3000))
    assert before is not None
    assert before.id == "1"
    assert said_before(marks(said("1")), said("2", begins=5000)) is None


def test_several_alarms_add_up_to_a_limit() -> None:
    two = marks(said("1", days_ago=2), said("2", days_ago=1))
    assert factor(two, SERIES, Q) == pytest.approx(1.44)
    assert factor(marks(*(said(str(n), days_ago=n) for n in range(20))), SERIES, Q) == MOST


def test_it_expires_after_thirty_days() -> None:
    entry = said()
    assert factor(marks(entry, now=NOW_S + LASTS_S - 1), SERIES, Q) > 1
    assert factor(marks(entry, now=NOW_S + LASTS_S), SERIES, Q) == 1
    assert marks(entry).changes_at == NOW_S + 30 * DAY_S


def test_what_is_taken_back_no_longer_counts() -> None:
    assert factor(marks(said(), undone="1"), SERIES, Q) == 1


@pytest.mark.parametrize("verdict", ["incident", "expected"])
def test_other_verdicts_raise_nothing(verdict: Verdict) -> None:
    assert factor(marks(said(verdict=verdict)), SERIES, Q) == 1


@pytest.mark.parametrize(
    ("labels", "meant"),
    [
        (ALERT, True),
        (ALERT | {"instance": "sw2"}, False),
        (ALERT | {"for": "other"}, False),
        (ALERT | {"model_alias": "other"}, False),
        ({"for": "q", "instance": "sw1"}, False),  # a whole device is not one series
        ({"for": "q", "instance": "sw1", "ifName": "eth0"}, True),
    ],
)
def test_a_false_alarm_is_about_one_series(labels: dict[str, str], meant: bool) -> None:
    assert about(said(labels=labels), SERIES, Q) is meant


@pytest.mark.parametrize(
    ("labels", "meant"),
    [
        ({"for": "q", "instance": "sw1"}, True),
        ({"for": "q", "instance": "sw1", "site": "berlin"}, True),
        ({"for": "q", "instance": "sw1", "ifName": "eth1"}, False),
        ({"for": "q", "instance": "sw2"}, False),
        ({"for": "q", "site": "berlin"}, False),
    ],
)
def test_a_device_that_alarmed_is_about_all_of_its_series(labels: dict[str, str], meant: bool) -> None:
    entry = msgspec.structs.replace(said(labels=labels), scope="device")
    assert about(entry, SERIES, Q) is meant


def test_a_label_that_was_in_our_way_is_known_by_its_written_name() -> None:
    entry = said(labels={"for": "q", "exported_for": "x", "instance": "sw1"})
    assert about(entry, (("for", "x"), ("instance", "sw1")), Q)
    assert not about(entry, (("instance", "sw1"),), Identity("x", "default"))


def softened(query: str, marks: Marks, score: float, value: float) -> Judgement:
    rows, values = np.arange(2), np.array([value, value])
    raised = Raised(plan(query), lambda: marks)
    (told,) = raised.soften([judged(score, score)], table(SERIES, (("instance", "sw2"),)), rows, values)
    return told.verdict


def test_scores_fall_and_the_band_widens_for_that_series_alone() -> None:
    told = softened("expr: up, step: 60s", marks(said()), 1.1, 61.0)
    assert told.score.tolist() == pytest.approx([1.1 / 1.2, 1.1])
    assert told.upper.tolist() == pytest.approx([62.0, 60.0])
    assert told.lower.tolist() == pytest.approx([38.0, 40.0])
    assert told.contribution[0].tolist() == pytest.approx([1.1 / 1.2, 1.1])


def test_a_protected_query_is_never_touched() -> None:
    told = softened("expr: up, step: 60s, protected: true", marks(said()), 1.1, 61.0)
    assert told.score.tolist() == pytest.approx([1.1, 1.1])


def test_a_value_outside_the_data_range_alarms_all_the_same() -> None:
    told = softened("expr: up, step: 60s, data_range: [0, 100]", marks(said()), 1.01, 101.0)
    assert told.score[0] == pytest.approx(1.01)


def test_marks_and_rows_that_change_are_taken_over() -> None:
    now = [marks(said())]
    raised, rows = Raised(plan(), lambda: now[0]), table(SERIES)
    one, value = np.arange(1), np.array([61.0])
    assert raised.soften([judged(1.1)], rows, one, value)[0].verdict.score[0] < 1
    rows.forget(np.ones(1, np.bool_))
    rows.add((("instance", "sw2"),))
    assert raised.soften([judged(1.1)], rows, one, value)[0].verdict.score[0] > 1
    rows.forget(np.ones(1, np.bool_))
    rows.add(SERIES)
    now[0] = marks_of(Past(), NOW_S, version=2)
    assert raised.soften([judged(1.1)], rows, one, value)[0].verdict.score[0] > 1


@pytest.mark.parametrize(
    ("labels", "series", "meant"),
    [
        (ALERT, SERIES, True),
        ({"for": "q", "instance": "sw1"}, SERIES, True),  # of an incident, the whole device is meant
        ({"for": "q", "instance": "sw2"}, SERIES, False),
        ({"instance": "sw1"}, SERIES, True),
        ({"instance": "sw1"}, (("site", "berlin"),), False),
        ({"for": "other", "instance": "sw1"}, SERIES, False),
    ],
)
def test_an_incident_is_not_learnt_from(
    labels: dict[str, str], series: tuple[tuple[str, str], ...], meant: bool
) -> None:
    found = pauses(marks(said(verdict="incident", labels=labels)), "q")
    assert any(pause.is_about(series) for pause in found) is meant
    assert all((pause.begins, pause.to) == (NOW_S - 600, NOW_S) for pause in found)


def test_a_span_reaches_seven_days_beyond_its_saying_whatever_the_journal_holds() -> None:
    entry = msgspec.structs.replace(said(verdict="expected"), at=NOW_S, start=NOW_S - 600, end=NOW_S + 31 * DAY_S)
    (found,) = pauses(marks(entry), "q")
    assert (found.begins, found.to) == (NOW_S - 600, NOW_S + 7 * DAY_S)
