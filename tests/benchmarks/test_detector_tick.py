"""The benchmark of a tick prints every figure that is promised, from a small run with a real Prometheus."""

import json
import sys

import pytest

from benchmarks.detector_tick import main

PROMISED = ("seconds_1m", "bytes_per_series", "seconds_compute_100k", "seconds_end_to_end_100k")
BESIDE = ("objects_seconds_1m", "objects_seconds_100k", "bare_objects_seconds_1m")


@pytest.mark.prometheus
@pytest.mark.long
def test_a_small_run_prints_what_is_promised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["detector_tick", "--series", "40000", "--end-to-end", "1000", "--rounds", "1"])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])["figures"]
    assert all(figures[name] > 0 for name in (*PROMISED, *BESIDE))
    assert figures["bytes_per_series"] < 600
    assert figures["objects_seconds_1m"] > 50 * figures["seconds_1m"]
