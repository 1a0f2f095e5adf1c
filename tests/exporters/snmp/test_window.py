"""How many requests may be in flight, and what a loss changes."""

from hypothesis import given
from hypothesis import strategies as st

from exporters.snmp.window import FIRST_TRUST_S, LEAST_PATIENCE_S, Window


def test_a_burst_of_losses_counts_once() -> None:
    window = Window(8)
    for _ in range(3):
        window.lost(sent_at=1.0, now=2.0)
    assert window.size == 4
    window.lost(sent_at=2.5, now=3.0)
    assert window.size == 2


def test_one_at_a_time_is_the_end() -> None:
    window = Window(2)
    window.lost(sent_at=1.0, now=2.0)
    window.lost(sent_at=3.0, now=4.0)
    assert window.size == 1


def test_trust_returns_slowly() -> None:
    window = Window(8)
    window.lost(sent_at=0.0, now=1.0)
    window.begin(FIRST_TRUST_S)
    assert window.size == 4, "not yet"
    window.begin(1.0 + FIRST_TRUST_S)
    assert window.size == 8
    now = 2.0 + FIRST_TRUST_S
    window.lost(sent_at=now, now=now)
    window.begin(now + 2 * FIRST_TRUST_S)
    assert window.size == 4, "the second time it takes longer"


def test_one_request_waits_for_its_whole_time() -> None:
    window = Window(1)
    window.heard(0.001)
    assert window.patience_s(5.0) == 5.0


def test_among_others_a_silence_is_noticed_sooner() -> None:
    window = Window(8)
    assert window.patience_s(5.0) == 5.0, "nobody has answered yet"
    window.heard(0.001)
    assert window.patience_s(5.0) == LEAST_PATIENCE_S
    window.heard(0.5)
    assert window.patience_s(5.0) == 2.0
    assert window.patience_s(1.0) == 1.0


@given(st.integers(1, 64), st.lists(st.floats(0, 1e6)))
def test_the_size_stays_within_its_limit(limit: int, moments: list[float]) -> None:
    window = Window(limit)
    for moment in moments:
        window.lost(sent_at=moment, now=moment)
        window.begin(moment)
        assert 1 <= window.size <= limit
