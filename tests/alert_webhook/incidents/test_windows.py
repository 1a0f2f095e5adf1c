"""Maintenance windows as values: when they are on, and when that changes."""

import pytest

from alert_webhook.incidents.labels import LabelMatch
from alert_webhook.incidents.windows import Hours, MaintenanceWindow, active_windows
from alert_webhook.oncall.rotation import Window
from alert_webhook.oncall.wall import WallTime, Zone

MADRID = Zone("Europe/Madrid")
NIGHTS = Hours("Europe/Madrid", (Window(frozenset({5, 6}), 22 * 60, 4 * 60),))  # Saturday and Sunday nights


def at(text: str) -> float:
    return MADRID.instant(WallTime.parse(text))


ONCE = MaintenanceWindow(
    id=1,
    title="once",
    match=LabelMatch({"site": "north"}),
    start_at=at("2026-03-02 22:00"),
    end_at=at("2026-03-03 04:00"),
)
WEEKLY = MaintenanceWindow(
    id=2,
    title="weekly",
    match=LabelMatch({"site": "north"}),
    start_at=at("2026-03-01 00:00"),
    end_at=at("2026-05-01 00:00"),
    hours=NIGHTS,
)


@pytest.mark.parametrize(
    ("window", "when", "on"),
    [
        (ONCE, "2026-03-02 21:59", False),
        (ONCE, "2026-03-02 22:00", True),
        (ONCE, "2026-03-03 03:59", True),
        (ONCE, "2026-03-03 04:00", False),
        (WEEKLY, "2026-03-06 23:00", False),  # a Friday
        (WEEKLY, "2026-03-07 22:00", True),
        (WEEKLY, "2026-03-09 03:59", True),  # Sunday's night ends on Monday
        (WEEKLY, "2026-03-09 04:00", False),
        (WEEKLY, "2026-05-02 23:00", False),  # a Saturday after its end
        (WEEKLY, "2026-02-28 23:00", False),  # and one before its start
    ],
)
def test_when_a_window_is_on(window: MaintenanceWindow, when: str, on: bool) -> None:
    assert window.active(at(when)) is on
    assert (window in active_windows([ONCE, WEEKLY], at(when))) is on


@pytest.mark.parametrize(
    ("window", "when", "over"),
    [
        (ONCE, "2026-03-02 23:00", "2026-03-03 04:00"),
        (WEEKLY, "2026-03-07 23:00", "2026-03-08 04:00"),
        (WEEKLY, "2026-03-28 23:00", "2026-03-29 04:00"),  # the night of the change of clocks, an hour shorter
        (WEEKLY, "2026-03-06 12:00", "2026-03-06 12:00"),
    ],
)
def test_when_what_is_on_is_over(window: MaintenanceWindow, when: str, over: str) -> None:
    assert window.over_at(at(when)) == at(over)


@pytest.mark.parametrize(
    ("window", "when", "starts"),
    [
        (ONCE, "2026-03-01 00:00", "2026-03-02 22:00"),
        (ONCE, "2026-03-02 23:00", None),
        (ONCE, "2026-03-04 00:00", None),
        (WEEKLY, "2026-02-20 00:00", "2026-03-01 00:00"),  # in the Saturday night that has begun
        (WEEKLY, "2026-03-09 05:00", "2026-03-14 22:00"),
        (WEEKLY, "2026-04-30 12:00", None),  # the next night would be after its end
    ],
)
def test_when_it_is_on_next(window: MaintenanceWindow, when: str, starts: str | None) -> None:
    assert window.next_start(at(when)) == (None if starts is None else at(starts))


@pytest.mark.parametrize(
    ("labels", "meant"),
    [
        ({"site": "north", "instance": "sw-1"}, True),
        ({"site": "north", "instance": "my-sw-1"}, False),
        ({"site": "north"}, False),
        ({"site": "south", "instance": "sw-1"}, False),
    ],
)
def test_which_alerts_are_meant(labels: dict[str, str], meant: bool) -> None:
    assert LabelMatch({"site": "north"}, {"instance": "sw-.+"}).holds(labels) is meant


def test_a_missing_label_is_empty() -> None:
    assert LabelMatch({"site": ""}, {"team": "|network"}).holds({})
