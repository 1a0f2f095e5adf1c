"""The demo's counters: the past and the live values are one line."""

from itertools import pairwise

from demo.traffic import DAY_S, STEP_S, WEEK_S, Counter, from_then, openmetrics, week_before

NOW = 1_800_000_000


def counter() -> Counter:
    return Counter(name="x", mean_octets_per_s=1e6, start=NOW - WEEK_S, first_value=123)


def rates(points: list[tuple[int, int]]) -> list[float]:
    return [(b - a) / STEP_S for (_, a), (_, b) in pairwise(points)]


def test_counter_never_goes_back_and_starts_at_the_recorded_value() -> None:
    points = counter().points(NOW - WEEK_S, NOW)
    assert points[0] == (NOW - WEEK_S, 123)
    assert min(rates(points)) > 0


def test_history_and_live_values_meet() -> None:
    one = counter()
    history = one.points(0, NOW)
    live = one.points(NOW - 10 * STEP_S, NOW + 600)
    assert set(history[-10:]) <= set(live)


def test_past_ends_now_in_small_steps_on_the_same_line() -> None:
    one, now = counter(), NOW + 37.5
    week = week_before(now)
    past = one.at(week) + one.at(from_then(week[-1], now))
    assert (past[0][0], past[-1][0]) == (NOW - WEEK_S, NOW + 37)
    assert all(0 < b[0] - a[0] <= STEP_S and b[1] > a[1] for a, b in pairwise(past))
    assert all(b[0] - a[0] <= 15 for a, b in pairwise(past) if a[0] >= NOW)
    assert dict(one.points(NOW - 300, NOW)).items() <= dict(past).items()


def test_same_counter_twice_gives_the_same_points() -> None:
    assert counter().points(0, NOW) == counter().points(0, NOW)


def test_days_have_a_rhythm() -> None:
    hourly = [
        sum(rates(counter().points(NOW - DAY_S + h * 3600, NOW - DAY_S + (h + 1) * 3600))) / 60 for h in range(24)
    ]
    assert max(hourly) > 1.8 * min(hourly)


def test_surge_multiplies_from_its_start_and_leaves_the_past() -> None:
    one, other = counter(), counter()
    before = one.points(0, NOW)
    one.surge(NOW, 3.0)
    assert one.points(0, NOW - STEP_S) == before[: len(one.points(0, NOW - STEP_S))]
    surged, usual = rates(one.points(NOW, NOW + 600)), rates(other.points(NOW, NOW + 600))
    assert all(2.9 < a / b < 3.1 for a, b in zip(surged, usual, strict=True))


def test_openmetrics_lines_are_what_promtool_reads() -> None:
    lines = list(openmetrics("ifHCInOctets", {'{a="b"}': [(60, 1), (120, 2)]}))
    assert lines == ["# TYPE ifHCInOctets unknown\n", 'ifHCInOctets{a="b"} 1 60\n', 'ifHCInOctets{a="b"} 2 120\n']
