"""Schedules across changes of clocks: thirty zones, 2024 to 2030, drawn by Hypothesis near and far from the changes."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alert_webhook.oncall.rotation import SHORTEST_SHIFT, Rotation, Window
from alert_webhook.oncall.schedule import Layer, Override, Schedule, gaps, on_call, shifts
from alert_webhook.oncall.wall import WallTime, Zone

ZONES = (
    "Europe/London", "Europe/Madrid", "Europe/Berlin", "Europe/Dublin", "Europe/Chisinau", "Europe/Istanbul",
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/St_Johns",
    "America/Sao_Paulo", "America/Santiago", "America/Havana", "America/Asuncion", "America/Nuuk", "Asia/Tehran",
    "Atlantic/Azores", "Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun", "Asia/Beirut", "Asia/Jerusalem",
    "Asia/Gaza", "Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Chatham",
    "Antarctica/Troll",
)  # fmt: skip
BEGIN, END = datetime(2024, 1, 1, tzinfo=UTC).timestamp(), datetime(2031, 1, 1, tzinfo=UTC).timestamp()
HOUR, DAY = 3600.0, 86_400.0
PEOPLE = ("ana", "ben", "cleo", "dan", "eva", "fay", "gus")


@cache
def changes(name: str) -> tuple[float, ...]:
    """When the zone's offset changes, found by asking zoneinfo hour by hour and then halving."""
    info, found = ZoneInfo(name), []

    def offset(at: float) -> timedelta | None:
        return datetime.fromtimestamp(at, info).utcoffset()

    for start in range(int(BEGIN), int(END), 7 * int(DAY)):  # Ramadan leaves four weeks between changes
        low, high = start, min(start + 7 * int(DAY), int(END))
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if offset(middle) != offset(low) else (middle, high)
        found.append(float(high))
    return tuple(found)


@st.composite
def zones_and_moments(draw: st.DrawFn) -> tuple[str, float]:
    """A zone and an instant, every other time within two days of one of its changes."""
    name = draw(st.sampled_from(ZONES))
    if changes(name) and draw(st.booleans()):
        near = draw(st.sampled_from(changes(name)))
        return name, near + draw(st.integers(-2 * int(DAY), 2 * int(DAY)))
    return name, float(draw(st.integers(int(BEGIN), int(END) - 1)))


lengths = st.one_of(
    st.integers(1, 28).map(lambda days: timedelta(days=days)),
    st.integers(int(SHORTEST_SHIFT.total_seconds()) // 60, 5 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
)
hand_overs = st.one_of(st.integers(0, 4 * 60), st.integers(0, 24 * 60 - 1))  # the small hours are where clocks change


@st.composite
def rotations(draw: st.DrawFn, name: str) -> Rotation:
    midnight = WallTime(2024, 1, 1) + timedelta(days=draw(st.integers(0, 900)))
    anchor = midnight + timedelta(minutes=draw(hand_overs))
    return Rotation(PEOPLE[: draw(st.integers(1, 7))], Zone(name), anchor, draw(lengths))


def exists(name: str, wall: datetime) -> bool:
    there = wall.replace(tzinfo=ZoneInfo(name)).astimezone(UTC).astimezone(ZoneInfo(name))
    return there.replace(tzinfo=None, fold=0) == wall


def test_thirty_zones_of_which_most_change_their_clocks() -> None:
    assert len(set(ZONES)) == 30
    changing = [name for name in ZONES if changes(name)]
    assert len(changing) >= 24
    assert min(len(changes(name)) for name in ("Europe/London", "Australia/Lord_Howe", "Antarctica/Troll")) >= 13
    assert len(changes("Africa/Cairo")) >= 14
    assert len(changes("Africa/Casablanca")) >= 14  # Ramadan
    assert changes("America/Sao_Paulo") == changes("Asia/Kathmandu") == ()


@settings(max_examples=250, deadline=None)
@given(data=st.data(), where=zones_and_moments())
def test_exactly_one_person_at_any_instant(data: st.DataObject, where: tuple[str, float]) -> None:
    name, at = where
    rotation = data.draw(rotations(name))
    number = rotation.number_at(at)
    assert rotation.start_of(number) <= at < rotation.start_of(number + 1)
    schedule = Schedule("s", rotation.zone, (Layer("l", rotation),))
    holding = [shift for shift in shifts(schedule, at - 40 * DAY, at + 40 * DAY) if shift.start <= at < shift.end]
    assert [shift.person for shift in holding] == [rotation.person_of(number)] == [on_call(schedule, at).person]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), where=zones_and_moments())
def test_shifts_tile_time_and_nobody_is_left_out(data: st.DataObject, where: tuple[str, float]) -> None:
    name, at = where
    rotation = data.draw(rotations(name))
    turns = list(rotation.turns(at - 60 * DAY, at + 60 * DAY))
    assert turns[0][1].start <= at - 60 * DAY
    assert turns[-1][1].end >= at + 60 * DAY
    for (before, first), (after, second) in pairwise(turns):
        assert first.end == second.start
        assert rotation.people.index(after) == (rotation.people.index(before) + 1) % len(rotation.people)
    assert min(span.end - span.start for _, span in turns) >= SHORTEST_SHIFT.total_seconds() - 2 * HOUR
    schedule = Schedule("s", rotation.zone, (Layer("l", rotation),))
    assert gaps(schedule, at - 60 * DAY, at + 60 * DAY) == []


@settings(max_examples=150, deadline=None)
@given(data=st.data(), where=zones_and_moments())
def test_hand_over_is_at_the_configured_time_on_the_wall(data: st.DataObject, where: tuple[str, float]) -> None:
    """Whole days: the wall shows the configured time, or the moment of the change where there is no such time."""
    name, at = where
    minutes, days = data.draw(hand_overs), data.draw(st.integers(1, 14))
    rotation = Rotation(PEOPLE, Zone(name), WallTime(2024, 1, 1) + timedelta(minutes=minutes), timedelta(days=days))
    for _, span in rotation.turns(at - 3 * DAY, at + 3 * DAY):
        shown = rotation.zone.wall(span.start)
        wanted = shown.replace(hour=minutes // 60, minute=minutes % 60, second=0)
        if exists(name, wanted):
            assert shown == wanted
        else:
            assert span.start in changes(name)


@pytest.mark.parametrize("name", ZONES)
def test_every_day_of_seven_years_has_one_hand_over_and_one_night(name: str) -> None:
    """The whole of 2024 to 2030, daily at 02:30, the hour that most changes fall into."""
    rotation = Rotation(PEOPLE, Zone(name), WallTime(2024, 1, 1, 2, 30), timedelta(days=1))
    night = Layer("night", rotation, (Window(frozenset(range(7)), 18 * 60, 2 * 60 + 30),))
    day = Layer("day", rotation, (Window(frozenset(range(7)), 2 * 60 + 30, 18 * 60),))
    schedule = Schedule("s", rotation.zone, (night, day))
    found = shifts(schedule, BEGIN + 2 * DAY, END)
    assert all(before.end == after.start for before, after in pairwise(found))
    hand_overs = [after.start for before, after in pairwise(found) if before.person != after.person]
    assert len(hand_overs) in {2553, 2554, 2555}
    lengths = {round((after - before) / 60) - 1440 for before, after in pairwise(hand_overs)}
    assert lengths <= {-120, -90, -60, -30, 0, 30, 60, 90, 120}  # a day, and what a change takes or gives


@settings(max_examples=60, deadline=None)
@given(data=st.data(), where=zones_and_moments())
def test_asking_for_a_moment_and_for_a_stretch_agree(data: st.DataObject, where: tuple[str, float]) -> None:
    """Several layers with hours and ends, and overrides, of which some take one person's place only."""
    name, at = where
    minute = st.integers(0, 1440)
    window = st.builds(Window, st.frozensets(st.integers(0, 6), min_size=1), minute, minute)
    moment = st.integers(-20 * 24, 20 * 24).map(lambda hours: at + hours * HOUR)
    layers = tuple(
        Layer(str(index), data.draw(rotations(name)), tuple(data.draw(st.lists(window, max_size=2))), *sorted(ends))
        for index, ends in enumerate(data.draw(st.lists(st.tuples(moment, moment), max_size=3)))
    )
    override = st.builds(
        lambda ends, person, whose: Override(person, min(ends), max(ends), whose),
        st.tuples(moment, moment), st.sampled_from(PEOPLE), st.sampled_from(("", *PEOPLE)),
    )  # fmt: skip
    schedule = Schedule("s", Zone(name), layers, tuple(data.draw(st.lists(override, max_size=4))))
    found = shifts(schedule, at - 30 * DAY, at + 30 * DAY)
    assert all(before.end <= after.start for before, after in pairwise(found))
    empty = gaps(schedule, at - 30 * DAY, at + 30 * DAY)
    covered = sum(shift.end - shift.start for shift in found)
    assert covered + sum(gap.end - gap.start for gap in empty) == pytest.approx(60 * DAY)
    edges = [edge + step for shift in found for edge in (shift.start, shift.end) for step in (-1, 0)]
    for moment_ in [at, *(edge for edge in edges[:60] if abs(edge - at) < 30 * DAY)]:
        there = [shift.person for shift in found if shift.start <= moment_ < shift.end]
        assert (there or [""]) == [on_call(schedule, moment_).person]


@given(where=zones_and_moments(), minutes=st.lists(st.integers(-3 * 1440, 3 * 1440), min_size=2, max_size=6))
@example(where=("Europe/Madrid", 1_774_746_000.0), minutes=[-61, -60, -31, -30, 0, 29, 30])
@settings(max_examples=100, deadline=None)
def test_a_later_time_on_the_wall_is_never_an_earlier_instant(where: tuple[str, float], minutes: list[int]) -> None:
    name, at = where
    zone = Zone(name)
    walls = sorted(zone.wall(at) + timedelta(minutes=each) for each in minutes)
    instants = [zone.instant(wall) for wall in walls]
    assert instants == sorted(instants)


@pytest.mark.parametrize(
    ("name", "wall", "utc"),
    [
        ("Europe/Madrid", "2026-03-29 02:30", "2026-03-29 01:00"),  # left out: the moment of the change, 03:00 there
        ("Europe/Madrid", "2026-10-25 02:30", "2026-10-25 00:30"),  # twice: the first
        ("America/New_York", "2026-03-08 02:00", "2026-03-08 07:00"),
        ("America/New_York", "2026-11-01 01:59", "2026-11-01 05:59"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30"),  # half an hour only
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45"),
        ("Africa/Cairo", "2026-04-24 00:30", "2026-04-23 22:00"),  # midnight itself is left out
        ("Antarctica/Troll", "2026-03-29 02:30", "2026-03-29 01:00"),  # two hours are left out
        ("Asia/Kathmandu", "2026-03-29 02:30", "2026-03-28 20:45"),
        ("Pacific/Chatham", "2026-09-27 02:50", "2026-09-26 14:00"),
    ],
)
def test_what_is_left_out_and_what_comes_twice(name: str, wall: str, utc: str) -> None:
    instant = Zone(name).instant(datetime.fromisoformat(wall))
    assert datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M") == utc


def test_a_new_rule_for_a_zone_moves_later_shifts_only() -> None:
    """Almaty kept Bishkek's time until Kazakhstan's decree of 2024: the latter is the former without that update."""
    decree = datetime(2024, 2, 29, 18, tzinfo=UTC).timestamp()
    before, after = (
        Rotation(("ana", "ben", "cleo"), Zone(name), WallTime(2024, 1, 1, 9), timedelta(days=1))
        for name in ("Asia/Bishkek", "Asia/Almaty")
    )
    old, new = (shifts(Schedule("s", each.zone, (Layer("l", each),)), BEGIN, END) for each in (before, after))
    assert [each for each in old if each.end <= decree] == [each for each in new if each.end <= decree]
    later = [(o.person, n.start - o.start, n.person) for o, n in zip(old, new, strict=True) if o.start > decree]
    assert {(person == same, moved) for person, moved, same in later} == {(True, HOUR)}
