"""Every status a receiver may answer, and bisection of a rejected batch."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_detector.sink.outcome import HOPELESS_REQUESTS, Kind, Outcome, judge, send
from anomaly_detector.sink.wire import Batch, Template, encode_labels, encode_series

NOW_MS = 1_763_700_000_000


@pytest.mark.parametrize(
    ("status", "text", "kind", "reason"),
    [
        (200, "", Kind.STORED, ""),
        (204, "", Kind.STORED, ""),
        (400, "out of order sample", Kind.REJECTED, "out_of_order"),
        (400, "duplicate sample for timestamp", Kind.REJECTED, "duplicate"),
        (400, "out of bounds", Kind.REJECTED, "out_of_bounds"),
        (400, "too old sample", Kind.REJECTED, "too_old"),
        (400, "label name is invalid", Kind.REJECTED, "refused"),
        (500, "too old sample", Kind.REJECTED, "too_old"),
        (500, "out of bounds", Kind.REJECTED, "out_of_bounds"),
        (500, "out of order sample", Kind.REJECTED, "out_of_order"),
        (500, "disk is full", Kind.LATER, "unavailable"),
        (413, "too big", Kind.REJECTED, "too_large"),
        (415, "no snappy", Kind.REJECTED, "refused"),
        (422, "", Kind.REJECTED, "refused"),
        (409, "store locally for endpoint : conflict", Kind.REJECTED, "refused"),
        (409, "add 1 samples: out of order sample", Kind.REJECTED, "out_of_order"),
        (431, "", Kind.REJECTED, "refused"),
        (400, "user=a: … are not allowed (err-mimir-sample-out-of-order).", Kind.REJECTED, "out_of_order"),
        (400, "… is too old (err-mimir-sample-timestamp-too-old).", Kind.REJECTED, "too_old"),
        (400, "… (err-mimir-sample-duplicate-timestamp).", Kind.REJECTED, "duplicate"),
        (400, "… (err-mimir-too-far-in-future).", Kind.REJECTED, "future"),
        (400, "… (err-mimir-max-label-names-per-series).", Kind.REJECTED, "refused"),
        (400, "… (err-mimir-max-series-per-user).", Kind.FULL, "series_limit"),
        (400, "per-user series limit of 150000 exceeded", Kind.FULL, "series_limit"),
        (429, "… (err-mimir-max-active-series).", Kind.FULL, "series_limit"),
        (429, "… (err-mimir-tenant-max-ingestion-rate).", Kind.LATER, "throttled"),
        (429, "tenant is above active series limit", Kind.LATER, "throttled"),
        (501, "", Kind.LATER, "unavailable"),
        (529, "", Kind.LATER, "unavailable"),
        (407, "", Kind.LATER, "denied"),
        (425, "", Kind.LATER, "unavailable"),
        (401, "", Kind.LATER, "denied"),
        (403, "", Kind.LATER, "denied"),
        (404, "remote write receiver needs to be enabled", Kind.LATER, "denied"),
        (301, "", Kind.LATER, "denied"),
        (408, "", Kind.LATER, "unavailable"),
        (429, "slow down", Kind.LATER, "throttled"),
        (502, "", Kind.LATER, "unavailable"),
        (503, "out of order service", Kind.LATER, "unavailable"),
        (504, "", Kind.LATER, "unavailable"),
    ],
)
def test_judge(status: int, text: str, kind: Kind, reason: str) -> None:
    outcome = judge(status, text)
    assert (outcome.kind, outcome.reason) == (kind, reason)


def test_a_receiver_that_is_not_switched_on_is_told_of_with_the_flag_of_today() -> None:
    old = "remote write receiver needs to be enabled with --enable-feature=remote-write-receiver"
    assert judge(404, old).detail.endswith(" (start Prometheus with --web.enable-remote-write-receiver)")
    assert judge(404, "no such page").detail == "HTTP 404: no such page"


@pytest.mark.parametrize(
    ("header", "wait_s"), [("7", 7.0), ("", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("999999", 0.0)]
)
def test_retry_after(header: str, wait_s: float) -> None:
    assert judge(429, "", retry_after=header).wait_s == wait_s


def batch_of(count: int) -> Batch:
    series = [encode_series(encode_labels({"n": f"{number:05}"}.items())) for number in range(count)]
    return Template(series).render(np.arange(count), np.arange(float(count)), NOW_MS)


class Store:
    """A receiver that stores a request whole or not at all, as Prometheus 2.42 does."""

    def __init__(self, bad: set[int]) -> None:
        self.bad, self.stored, self.requests = bad, [], 0

    def post(self, batch: Batch) -> Outcome:
        self.requests += 1
        numbers = [int(batch.part(place, place + 1).body[9:14]) for place in range(len(batch))]
        if self.bad & set(numbers):
            return Outcome(kind=Kind.REJECTED, reason="out_of_order")
        self.stored += numbers
        return Outcome(kind=Kind.STORED)


@given(
    st.integers(1, 300).flatmap(lambda count: st.tuples(st.just(count), st.sets(st.integers(0, count - 1), max_size=5)))
)
def test_good_samples_are_stored_and_bad_ones_counted(case: tuple[int, set[int]]) -> None:
    count, bad = case
    store = Store(bad)
    sent = send(batch_of(count), store.post)
    assert sorted(store.stored) == sorted(set(range(count)) - bad)
    assert sent.stored == count - len(bad)
    assert sent.rejected == ({"out_of_order": len(bad)} if bad else {})
    assert not sent.left


def test_one_bad_sample_among_many_costs_few_requests() -> None:
    store = Store({1234})
    assert send(batch_of(5000), store.post).stored == 4999
    assert store.requests <= 27  # 1 + 2 for each of 13 halvings


@pytest.mark.parametrize("bad", [60, 400, 1000, 1800])
def test_no_good_sample_is_lost_however_many_are_bad(bad: int) -> None:
    store = Store(set(random.Random(bad).sample(range(2000), bad)))
    sent = send(batch_of(2000), store.post)
    assert (sent.stored, sent.rejected, sent.left) == (2000 - bad, {"out_of_order": bad}, [])
    assert store.requests < 4000


def test_requests_are_bounded_when_everything_is_bad() -> None:
    store = Store(set(range(2000)))
    sent = send(batch_of(2000), store.post)
    assert sent.rejected == {"out_of_order": 2000}
    assert store.requests == HOPELESS_REQUESTS


def test_a_tenant_s_limit_costs_one_request() -> None:
    sent = send(batch_of(1000), lambda _batch: Outcome(kind=Kind.FULL, reason="series_limit"))
    assert (sent.requests, sent.rejected, sent.left) == (1, {"series_limit": 1000}, [])


def test_what_was_not_decided_is_left_for_later() -> None:
    store = Store({3})

    def post(batch: Batch) -> Outcome:
        return store.post(batch) if store.requests < 4 else Outcome(kind=Kind.LATER, reason="unavailable")

    sent = send(batch_of(64), post)
    left = sum(len(part) for part in sent.left)
    assert sent.last.kind is Kind.LATER
    assert sent.stored + left == 64
