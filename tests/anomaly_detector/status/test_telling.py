"""What people read of a detector's status."""

import msgspec

from anomaly_detector.grouping.metrics import PastStatus
from anomaly_detector.metrics import HardlyStatus, QueryStatus, ReceiverStatus, Status
from anomaly_detector.status.report import report_of
from anomaly_detector.status.telling import as_text

AT_S = 1_792_893_600.0
CPU = QueryStatus(
    query="cpu",
    series=1204,
    last_success_s=AT_S,
    state_bytes=6 << 20,
    lag_s=12.2,
    reason="ok",
    warming=0.126,
    devices_known=False,
    past=PastStatus(query="cpu", state="playing", share=0.42, seconds=9.0),
)
TRAFFIC = QueryStatus(
    query="traffic_in",
    series=98_000,
    last_success_s=AT_S - 780,
    state_bytes=44 << 20,
    lag_s=792.0,
    trouble="HTTP 503: away",
    reason="unavailable",
    failures=14,
    devices_known=True,
)
FRESH = QueryStatus(query="power", series=0, last_success_s=0.0, state_bytes=0, trouble="not read yet")
STORE = ReceiverStatus(receiver="http://vm:8428", queued=1200, capacity=500_000, stored_s=AT_S)
AWAY = ReceiverStatus(receiver="http://b:9090", queued=0, capacity=9, stored_s=0.0, trouble="no connection")


def test_everything_is_said_in_two_tables() -> None:
    status = Status(queries=(CPU, TRAFFIC, FRESH), queued_samples=1200, receivers=(STORE, AWAY))
    report = report_of(status, ["query traffic_in: HTTP 503: away"], version="1.2", memory_bytes=812 << 20)
    assert as_text(report, url="http://127.0.0.1:9811") == (
        """http://127.0.0.1:9811  NOT READY  (heronwatch 1.2)
writes scores; 99,204 series; 812 MiB of memory, 50 MiB of it learnt

query       state   series  warming     lag  newest                last read        devices
cpu         works    1,204      13%     12s  2026-10-25 02:00:00Z  ok               past 42%
traffic_in  fails   98,000       0%  13m12s  2026-10-25 01:47:00Z  unavailable 14x  known
power       starts       0        -       -  -                     not yet          -

receiver        state           waiting  newest stored
http://vm:8428  works  1,200 of 500,000  2026-10-25 02:00:00Z
http://b:9090   fails            0 of 9  -

not ready:
  query traffic_in: HTTP 503: away"""
    )


def test_series_that_can_hardly_alarm_are_named_some_of_each_query() -> None:
    blunt = msgspec.structs.replace(CPU, hardly=HardlyStatus(count=3, series=("cpu{a}: usual 0 to 100", "cpu{b}: x")))
    report = report_of(Status(queries=(blunt, TRAFFIC), queued_samples=0), ["one"], version="1", memory_bytes=0)
    text = as_text(report, url="u")
    assert (
        "\n\ncan hardly alarm (twice what was seen, or the end of data_range, would not score above 1):\n"
        "  cpu{a}: usual 0 to 100\n  cpu{b}: x\n  and 1 more of cpu\n\nnot ready:" in text
    )


def test_a_stand_by_says_that_it_is_one() -> None:
    report = report_of(Status(queries=(CPU,), queued_samples=0, leads=False), [], version="1", memory_bytes=0)
    first, second = as_text(report, url="u").split("\n")[:2]
    assert "NOT" not in first
    assert second.startswith("stands by: computes, does not write;")
