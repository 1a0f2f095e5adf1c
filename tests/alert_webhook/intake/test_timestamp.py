import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_webhook.intake.timestamp import nanoseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2020-08-08T14:32:08.326990857Z", 1_596_897_128_326_990_857),
        ("2020-08-08T16:32:08.5+02:00", 1_596_897_128_500_000_000),
        ("2020-08-08T12:02:08-02:30", 1_596_897_128_000_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000_000_000),
        ("0001-01-01T00:00:00Z", None),
    ],
)
def test_times_as_go_writes_them(text: str, expected: int | None) -> None:
    assert nanoseconds(text) == expected


@pytest.mark.parametrize("text", ["", "now", "2020-13-01T00:00:00Z", "2020-08-08", "2020-08-08T14:32:08", "x" * 10_000])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an RFC 3339 time|month must be"):
        nanoseconds(text)


@given(st.text())
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        nanoseconds(text)
