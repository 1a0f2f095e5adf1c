"""Back-off: bounded, growing, spread."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heronwatch.retry import Backoff


@given(attempt=st.integers(-5, 10**6), random=st.floats(0, 1))
def test_a_delay_stays_between_its_bounds(attempt: int, random: float) -> None:
    backoff = Backoff(first_s=0.5, factor=3.0, cap_s=20.0, jitter=0.5)
    assert 0.25 <= backoff.delay(attempt, random) <= 20.0


def test_without_jitter_it_grows_to_the_cap() -> None:
    backoff = Backoff(first_s=1, factor=2, cap_s=5, jitter=0)
    assert [backoff.delay(n, 0.9) for n in range(1, 6)] == [1, 2, 4, 5, 5]


def test_full_jitter_spreads_from_zero() -> None:
    backoff = Backoff(first_s=4, factor=2, cap_s=8, jitter=1)
    assert [backoff.delay(1, r) for r in (0.0, 0.5, 1.0)] == [0, 2, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first_s": 0}, "first_s must be above 0 and at most cap_s"),
        ({"first_s": 9, "cap_s": 5}, "first_s must be above 0 and at most cap_s"),
        ({"factor": 0.5}, "factor must be at least 1"),
        ({"jitter": 1.5}, "jitter must be from 0 to 1"),
    ],
)
def test_nonsense_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Backoff(**arguments)
