"""Series that a receiver refused travel apart, until one of theirs is taken."""

import pytest

from anomaly_detector.sink.outcome import send
from anomaly_detector.sink.refused import Refused
from anomaly_detector.sink.wire import Batch
from tests.anomaly_detector.sink.test_outcome import Store, batch_of


def step(refused: Refused, store: Store, batch: Batch) -> int:
    """Send a batch as a receiver does; returns how many requests that took."""
    before = store.requests
    for part in refused.apart(batch):
        sent = send(part, store.post)
        refused.note(taken=sent.taken, refused=sent.refused)
    return store.requests - before


def test_the_second_time_the_good_ones_go_at_once() -> None:
    refused, store = Refused(), Store(set(range(0, 2000, 20)))
    first = step(refused, store, batch_of(2000))
    store.stored.clear()
    again = step(refused, store, batch_of(2000))
    assert first > 500
    assert again == 1 + 199  # all good ones; the 100 bad ones halved
    assert len(store.stored) == 1900


def test_who_is_taken_again_travels_with_the_others() -> None:
    refused, store = Refused(), Store({3, 5, 8})
    step(refused, store, batch_of(64))
    store.bad = {5}
    step(refused, store, batch_of(64))
    assert [len(part) for part in refused.apart(batch_of(64))] == [63, 1]
    store.bad = set()
    assert step(refused, store, batch_of(64)) == 2
    assert step(refused, store, batch_of(64)) == 1


def test_the_few_good_ones_among_bad_are_found_in_the_end() -> None:
    refused, store = Refused(), Store(set(range(900)) - {717})
    steps = 0
    while not store.stored and steps < 40:
        step(refused, store, batch_of(900))
        steps += 1
    assert store.stored == [717]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomaly_detector.sink.refused.MOST_REMEMBERED", 10)
    refused = Refused()
    refused.note(taken=[], refused=batch_of(25).parts(1))
    assert [len(part) for part in refused.apart(batch_of(25))] == [15, 10]
