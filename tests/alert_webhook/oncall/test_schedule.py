"""Layers, hours, overrides and gaps, as sentences."""

from datetime import datetime, timedelta

import pytest

from alert_webhook.oncall.rotation import Rotation, Window
from alert_webhook.oncall.schedule import (
    Layer,
    OnCall,
    Override,
    Schedule,
    gap_seconds,
    gaps,
    on_call,
    shifts,
    standing,
    without_strangers,
)
from alert_webhook.oncall.wall import Day, TimeOfDay, WallTime, Zone

MADRID = Zone("Europe/Madrid")
WEEKLY = Rotation(("ana", "ben", "cleo"), MADRID, WallTime(2026, 1, 5, 9), timedelta(weeks=1))
WORKDAYS = frozenset(range(5))


def at(text: str) -> float:
    return MADRID.instant(datetime.fromisoformat(text))


def schedule(*layers: Layer, overrides: tuple[Override, ...] = ()) -> Schedule:
    return Schedule("network", MADRID, layers, overrides)


@pytest.mark.parametrize(
    ("when", "person"),
    [
        ("2026-01-05 09:00", "ana"),
        ("2026-01-12 08:59", "ana"),
        ("2026-01-12 09:00", "ben"),
        ("2026-01-19 09:00", "cleo"),
        ("2026-01-26 09:00", "ana"),
        ("2026-07-06 09:00", "cleo"),  # 26 weeks on, in summer time
        ("2026-07-06 08:59", "ben"),
        ("2026-01-05 08:59", "cleo"),  # before the anchor the order is the same
    ],
)
def test_a_week_each(when: str, person: str) -> None:
    assert on_call(schedule(Layer("l", WEEKLY)), at(when)) == OnCall(person, "layer l")


OFFICE = Layer("office", WEEKLY, (Window(WORKDAYS, 8 * 60, 18 * 60),))
REST = Layer("rest", Rotation(("dan",), MADRID, WallTime(2026, 1, 1), timedelta(days=1)))


@pytest.mark.parametrize(
    ("when", "person"),
    [
        ("2026-01-06 07:59", "dan"),
        ("2026-01-06 08:00", "ana"),
        ("2026-01-06 17:59", "ana"),
        ("2026-01-06 18:00", "dan"),
        ("2026-01-10 12:00", "dan"),  # Saturday
    ],
)
def test_the_first_layer_that_has_somebody_counts(when: str, person: str) -> None:
    assert on_call(schedule(OFFICE, REST), at(when)).person == person


def test_hours_over_midnight_belong_to_the_day_they_begin() -> None:
    friday_night = schedule(Layer("night", WEEKLY, (Window(frozenset({4}), 22 * 60, 6 * 60),)))
    found = shifts(friday_night, at("2026-01-05"), at("2026-01-12"))
    assert [(MADRID.shown(s.start)[:20], MADRID.shown(s.end)[:20]) for s in found] == [
        ("Fri 2026-01-09 22:00", "Sat 2026-01-10 06:00")
    ]


def test_a_layer_has_a_beginning_and_an_end() -> None:
    some = schedule(Layer("l", WEEKLY, begins=at("2026-01-07 00:00"), ends=at("2026-01-08 00:00")))
    found = [on_call(some, at(when)).person for when in ("2026-01-06 23:59", "2026-01-07 00:00", "2026-01-08 00:00")]
    assert found == ["", "ana", ""]


def test_an_override_comes_before_layers_and_a_later_one_before_an_earlier_one() -> None:
    first = Override("dan", at("2026-01-06"), at("2026-01-08"), source="first")
    second = Override("eva", at("2026-01-07"), at("2026-01-09"), source="second")
    some = schedule(Layer("l", WEEKLY), overrides=(first, second))
    found = shifts(some, at("2026-01-05 09:00"), at("2026-01-12 09:00"))
    assert [(s.person, s.source) for s in found] == [
        ("ana", "layer l"), ("dan", "first"), ("eva", "second"), ("ana", "layer l")
    ]  # fmt: skip


def test_an_override_in_somebodys_place_leaves_others_alone() -> None:
    whole = Override("eva", at("2026-01-05"), at("2026-01-30"), instead_of="ben")
    found = shifts(schedule(Layer("l", WEEKLY), overrides=(whole,)), at("2026-01-05 09:00"), at("2026-01-26 09:00"))
    assert [s.person for s in found] == ["ana", "eva", "cleo"]


def test_an_override_for_a_stranger_is_left_out() -> None:
    some = schedule(Layer("l", WEEKLY), overrides=(Override("gone", at("2026-01-05"), at("2026-02-05")),))
    assert on_call(without_strangers(some, {"ana"}), at("2026-01-06")).person == "ana"


def test_gaps_are_what_nobody_covers() -> None:
    found = gaps(schedule(OFFICE), at("2026-01-05"), at("2026-01-07"))
    assert [(MADRID.shown(gap.start)[4:20], MADRID.shown(gap.end)[4:20]) for gap in found] == [
        ("2026-01-05 00:00", "2026-01-05 08:00"),
        ("2026-01-05 18:00", "2026-01-06 08:00"),
        ("2026-01-06 18:00", "2026-01-07 00:00"),
    ]
    assert gap_seconds(schedule(OFFICE), at("2026-01-05"), at("2026-01-07")) == 28 * 3600


def test_a_schedule_without_layers_is_one_gap() -> None:
    assert gap_seconds(schedule(), 0.0, 50.0) == 50.0
    assert on_call(schedule(), 0.0) == OnCall("", "")


def test_now_until_when_and_who_follows() -> None:
    found = standing(schedule(Layer("l", WEEKLY)), at("2026-01-14 12:00"))
    assert (found.now.person, found.since, found.until, found.following) == (
        "ben", at("2026-01-12 09:00"), at("2026-01-19 09:00"), "cleo"
    )  # fmt: skip


def test_one_person_alone_has_no_end() -> None:
    found = standing(schedule(REST), at("2026-01-14 12:00"))
    assert (found.now.person, found.until, found.following) == ("dan", None, "")


def test_a_gap_has_an_end_and_somebody_who_follows() -> None:
    found = standing(schedule(OFFICE), at("2026-01-10 12:00"))
    assert (found.now.person, found.until, found.following) == ("", at("2026-01-12 08:00"), "ana")


@pytest.mark.parametrize("text", ["9", "24:01", "12:60", "9:5", "-1:00", "\u0661\u0662:\u0660\u0660", ""])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time of day"):
        TimeOfDay.parse(text)


@pytest.mark.parametrize("text", ["2026-02-30", "26-01-01", "2026-1-1", "1800-01-01", "today"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        Day.parse(text)


@pytest.mark.parametrize("text", ["2026-02-30 09:00", "2026-02-03", "2026-02-03 25:00", "2026-02-03 09:00+01:00"])
def test_what_is_no_wall_time(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date and time"):
        WallTime.parse(text)


@pytest.mark.parametrize("text", ["", "Madrid", "../etc/passwd", "Europe", "/etc/localtime", "Europe/\0"])
def test_what_is_no_zone(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        Zone.parse(text)
