"""What was missed is said once, with times as everywhere."""

import io

from prometheus_client import CollectorRegistry

from anomaly_detector.metrics import Metrics
from anomaly_detector.missed import Missed
from heronwatch.logs import configure
from tests.fakes.detector_plans import plan

NOON_S = 1_792_929_600.0  # 2026-10-25


def test_what_was_caught_up_with_is_said_once() -> None:
    stream = io.StringIO()
    configure(stream=stream)
    missed = Missed(plan(), metrics=Metrics(CollectorRegistry()))
    missed.skip(NOON_S - 300, NOON_S)
    for number in range(4):
        missed.judged(NOON_S + 60 * number, too_late=number < 2)
    missed.tell()
    missed.tell()
    configure(stream=io.StringIO())
    (line,) = stream.getvalue().splitlines()
    for words in (
        "instants=4", "first=2026-10-25T12:00:00.000Z", "last=2026-10-25T12:03:00.000Z",
        "learnt_but_too_late_to_write=2", "given_up=4",
    ):  # fmt: skip
        assert words in line
