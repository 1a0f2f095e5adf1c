"""The token bucket."""

from hypothesis import given
from hypothesis import strategies as st

from heronwatch.rate_limit import TokenBucket


def test_a_burst_then_one_an_interval() -> None:
    bucket = TokenBucket(2.0, 3)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(101.9)
    assert bucket.take(102.1)
    assert not bucket.take(102.2)


def test_no_more_than_the_burst_is_saved_up() -> None:
    bucket = TokenBucket(1.0, 2)
    bucket.take(0.0)
    assert [bucket.take(1_000.0) for _ in range(3)] == [True, True, False]


def test_an_interval_of_zero_is_no_limit() -> None:
    bucket = TokenBucket(0.0, 0)
    assert all(bucket.take(0.0) for _ in range(100))


@given(st.floats(0.01, 10), st.integers(1, 20), st.lists(st.floats(0, 1), max_size=100))
def test_never_more_than_burst_and_elapsed(interval_s: float, burst: int, pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(interval_s, burst), 50.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
    assert taken <= burst + (now - 50.0) / interval_s + 1e-6


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(1.0, 1)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert not bucket.take(100.5)
