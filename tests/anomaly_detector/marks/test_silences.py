"""A silence of one alert is about that alert; one that names none, or ours, is about the device."""

from datetime import UTC, datetime

import pytest

from anomaly_detector.marks.matching import MarkedPause
from anomaly_detector.marks.silences import Matcher, Silence, silence_pauses

BY = ("instance", "site")
PORT_1 = (("ifName", "Gi0/1"), ("instance", "sw1"))
PORT_2 = (("ifName", "Gi0/2"), ("instance", "sw1"))
FAN = (("instance", "sw1"), ("sensor", "fan"))


def matcher(name: str, value: str, *, regex: bool = False, equal: bool = True) -> Matcher:
    return Matcher(name=name, value=value, is_regex=regex, is_equal=equal)


SW1 = matcher("instance", "sw1")


def pause(*matchers: Matcher) -> MarkedPause:
    begins, ends = (datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (2, 3))
    (only,) = silence_pauses(Silence(id="1", matchers=matchers, starts_at=begins, ends_at=ends), BY)
    assert isinstance(only, MarkedPause)
    return only


@pytest.mark.parametrize(
    ("matchers", "of_devices"),
    [
        ([], True),
        ([matcher("alertname", "InterfaceDown")], False),
        ([matcher("alertname", "AnomalyDevice")], True),
        ([matcher("alertname", "Interface.*|Disk.*", regex=True)], False),
        ([matcher("alertname", ".+", regex=True)], True),
        ([matcher("alertname", "Watchdog", equal=False)], True),
        ([matcher("alertname", "Anomaly.*", regex=True, equal=False)], False),
        ([matcher("alertname", ".*Page", regex=True), matcher("alertname", "AnomalyPage", equal=False)], False),
    ],
)
def test_whether_its_devices_are_let_be(matchers: list[Matcher], of_devices: bool) -> None:
    one = pause(SW1, *matchers)
    assert one.of_devices is of_devices
    assert one.is_about(FAN)


@pytest.mark.parametrize(
    ("matchers", "about"),
    [
        ([matcher("ifName", "Gi0/1")], {PORT_1, FAN}),
        ([matcher("ifName", "Gi0/(1|2)", regex=True)], {PORT_1, PORT_2, FAN}),
        ([matcher("ifName", "Gi0/1", equal=False)], {PORT_2, FAN}),
        ([matcher("ifName", "", equal=False)], {PORT_1, PORT_2, FAN}),
        ([matcher("severity", "critical"), matcher("team", "net|dc", regex=True)], {PORT_1, PORT_2, FAN}),
        ([matcher("ifName", "Gi0/1"), matcher("sensor", "psu.*", regex=True)], {PORT_1}),
    ],
)
def test_other_matchers_say_which_series_where_these_have_the_label(
    matchers: list[Matcher], about: set[object]
) -> None:
    one = pause(SW1, matcher("alertname", "InterfaceDown"), *matchers)
    assert {labels for labels in (PORT_1, PORT_2, FAN) if one.is_about(labels)} == about
    assert not one.is_about((("ifName", "Gi0/1"), ("instance", "sw2")))
