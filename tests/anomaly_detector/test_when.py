"""Times as people type them, in the timezone of the configuration."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from anomaly_detector.when import when

NOW_S = 1_792_893_600.0  # 2026-10-25T02:00:00Z, 03:00 in Berlin, where clocks went back an hour ago
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "ahead_s"),
    [
        ("0", 0),
        ("20m", -1200),
        ("1d2h", -26 * 3600),
        ("2026-10-25", -4 * 3600),
        ("2026-10-25T03:00", 0),
        ("2026-10-25 03:00:30", 30),
        ("2026-10-25T02:30", -90 * 60),  # twice that night: the first
        ("2026-10-25T03:00:00+02:00", -3600),
        ("2026-10-25T02:00:00Z", 0),
        ("1792893600", 0),
        ("1792893600.5", 0.5),
    ],
)
def test_what_it_means(text: str, ahead_s: float) -> None:
    assert when(text, now_s=NOW_S, zone=BERLIN) == NOW_S + ahead_s


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-02-30", "2026-10-25T25:00", "25.10.2026", "-1", "1e9", "²", "nan"]
)
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: write 2h "):
        when(text, now_s=NOW_S, zone=UTC)


@pytest.mark.parametrize("text", ["100y", "1969-12-31"])
def test_before_1970_nothing_was(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' lies before 1970"):
        when(text, now_s=NOW_S, zone=UTC)


@pytest.mark.parametrize("text", ["1792893600000", "9999999999999999999", "9999-12-31T23:59:59-12:00"])
def test_milliseconds_and_the_far_future_are_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"lies beyond the year 9999 \(are these milliseconds\?\)|is not a time"):
        when(text, now_s=NOW_S, zone=UTC)
