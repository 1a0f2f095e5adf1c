"""An alert's life converges, whatever order its updates arrive in."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_webhook.incidents.episode import NEVER_NS, Change, Life, apply
from alert_webhook.intake.update import AlertUpdate, Status

NOW = 1_800_000_000.0
S = 1_000_000_000
GRACE_S = 600.0


def firing(start: int | None) -> AlertUpdate:
    return update(Status.FIRING, start, None)


def ended(start: int | None, end: int | None) -> AlertUpdate:
    return update(Status.RESOLVED, start, end)


def update(status: Status, start: int | None, end: int | None) -> AlertUpdate:
    return AlertUpdate(
        fingerprint="f",
        status=status,
        labels={},
        annotations={},
        starts_at_ns=None if start is None else start * S,
        ends_at_ns=None if end is None else end * S,
        generator_url="",
    )


def live(*updates: AlertUpdate, now: float = NOW, life: Life | None = None) -> tuple[Life, Change]:
    life, change = life or Life(), Change.ALREADY_ENDED
    for each in updates:
        life, change = apply(life, each, now=now, stale_grace_s=GRACE_S)
    return life, change


@pytest.mark.parametrize(
    ("updates", "change", "firing_since"),
    [
        ((firing(5),), Change.OPENED, 5),
        ((firing(5), firing(5)), Change.CONTINUED, 5),
        ((firing(5), ended(5, 9)), Change.CLOSED, None),
        ((ended(5, 9),), Change.ALREADY_ENDED, None),
        ((firing(5), ended(5, 9), firing(5)), Change.STALE, None),  # Alertmanager issue 2447
        ((ended(5, 9), firing(5)), Change.STALE, None),
        ((firing(5), ended(5, 9), firing(10)), Change.OPENED, 10),
        ((firing(10), firing(5)), Change.CONTINUED, 5),
        ((firing(5), firing(10), ended(5, 7)), Change.CONTINUED, 10),
        ((firing(10), ended(5, 7), firing(5)), Change.CONTINUED, 10),
        ((firing(5), ended(5, 9), ended(5, 9)), Change.ALREADY_ENDED, None),
        ((firing(5), ended(5, 9), firing(10), ended(5, 8)), Change.CONTINUED, 10),
    ],
)
def test_one_update_after_others(updates: tuple[AlertUpdate, ...], change: Change, firing_since: int | None) -> None:
    life, last = live(*updates)
    assert last is change
    assert (life.starts_ns[0] // S if life.firing else None) == firing_since


def test_a_firing_alert_asserted_longer_than_the_grace_time_after_its_end_is_believed() -> None:
    life, _ = live(firing(5), ended(5, 9))
    reopened, change = live(firing(5), life=life, now=NOW + GRACE_S + 1)
    assert change is Change.REOPENED
    assert reopened.firing
    again, change = live(firing(5), life=reopened, now=NOW + GRACE_S + 2)
    assert (again, change) == (reopened, Change.CONTINUED)


def test_an_end_without_time_is_now() -> None:
    assert live(firing(5), ended(5, None))[0].ended_ns == int(NOW * S)


def test_an_end_far_in_the_future_is_a_wrong_clock_and_counts_as_now() -> None:
    assert live(firing(5), ended(5, int(NOW) + 86_400))[0].ended_ns == int(NOW * S)


def test_a_sender_without_start_times_has_one_episode() -> None:
    life, change = live(firing(None))
    assert (change, len(life.starts_ns)) == (Change.OPENED, 1)
    assert live(firing(None), life=life, now=NOW + 60) == (life, Change.CONTINUED)


def test_a_sender_whose_start_always_changes_is_bounded() -> None:
    life, _ = live(*(firing(second) for second in range(1, 100)))
    assert len(life.starts_ns) == 8
    assert life.starts_ns[0] == 1 * S
    assert not live(ended(99, 200), life=life)[0].firing


times = st.integers(1, 12)
events = st.one_of(times.map(firing), st.tuples(times, times).map(lambda pair: ended(min(pair), max(pair))))


@given(st.lists(events, min_size=1, max_size=5))
def test_all_orders_of_up_to_five_updates_converge(updates: list[AlertUpdate]) -> None:
    outcomes = {live(*order)[0] for order in permutations(updates)}
    assert len(outcomes) == 1


@given(st.lists(events, min_size=1, max_size=8))
def test_repeating_what_was_said_changes_nothing(updates: list[AlertUpdate]) -> None:
    life, _ = live(*updates)
    assert live(*updates, life=life)[0] == life


@given(st.lists(events, min_size=1, max_size=8))
def test_it_fires_exactly_while_a_start_lies_after_the_latest_end(updates: list[AlertUpdate]) -> None:
    latest_end = max(
        (max(u.ends_at_ns or 0, u.starts_at_ns or 0) for u in updates if u.status is Status.RESOLVED), default=NEVER_NS
    )
    starts = [u.starts_at_ns or 0 for u in updates if u.status is Status.FIRING]
    assert live(*updates)[0].firing == any(start > latest_end for start in starts)
