"""Why a query does not work: said when it changes, counted each time, and when to ask again."""

import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.metrics import Metrics
from anomaly_detector.trouble import BACKOFF, Trouble
from tests.fakes.detector_plans import plan


@pytest.fixture
def trouble() -> Trouble:
    return Trouble(plan("expr: up, step: 10s"), metrics=Metrics(CollectorRegistry()))


def test_the_same_is_said_once(trouble: Trouble, caplog: pytest.LogCaptureFixture) -> None:
    for words in ("away", "away", "refused"):
        trouble.failed("unavailable", words)
    assert [record.message for record in caplog.records].count("query fails") == 2
    assert (trouble.words, trouble.reason, trouble.failures) == ("refused", "unavailable", 3)


def test_once_it_works_nothing_is_left_of_it(trouble: Trouble) -> None:
    trouble.failed("unavailable", "away")
    trouble.worked(series=0)
    assert (trouble.words, trouble.reason, trouble.failures) == ("", "ok", 0)


def test_a_server_that_is_away_is_asked_again_later_and_later_but_within_a_step(trouble: Trouble) -> None:
    waits = []
    for _ in range(6):
        trouble.failed("unavailable", "away")
        waits.append(trouble.retry_s())
    assert waits == sorted(waits)
    assert waits[0] < BACKOFF.cap_s
    assert waits[-1] == 10.0
