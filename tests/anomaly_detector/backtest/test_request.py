"""From when to when: times with their offset, dates of the configuration's timezone, so long before the end."""

import argparse
from pathlib import Path

import pytest

from anomaly_detector.backtest.request import wanted_of
from tests.fakes.detector_plans import NOWHERE, config

NOW_S = 1_792_893_600.0  # 2026-10-25T02:00:00Z, a day on which clocks go back in Berlin
DAY_S = 86_400.0
BERLIN = config(
    f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {{expr: up}}}}}}\nsettings: {{timezone: Europe/Berlin}}\n"
)


def span(begins: str, ends: str, folder: Path) -> tuple[float, float]:
    given = {"recorded": None, "record": None, "query": [], "workers": 1, "budget": None, "incidents": None}
    arguments = argparse.Namespace(
        begins=begins, ends=ends, out=folder / "r.html", lasts="5m", apart="1h", dask=None, **given
    )
    terms = wanted_of(arguments, BERLIN, now=lambda: NOW_S).terms
    return terms.from_s, terms.to_s


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        ("1d", "", (NOW_S - DAY_S, NOW_S)),
        ("2026-10-25", "", (NOW_S - 4 * 3600, NOW_S)),  # 00:00+02:00
        ("2026-10-24", "2026-10-26", (NOW_S - 28 * 3600, NOW_S + 21 * 3600)),  # the second in winter time
        ("2026-10-24T01:30", "2026-10-25T03:00:00", (NOW_S - 26.5 * 3600, NOW_S)),
        ("1d", "2h", (NOW_S - 26 * 3600, NOW_S - 2 * 3600)),
        ("2026-10-24T00:00:00Z", "2026-10-25", (NOW_S - 26 * 3600, NOW_S - 4 * 3600)),
    ],
)
def test_a_span(begins: str, ends: str, expected: tuple[float, float], tmp_path: Path) -> None:
    assert span(begins, ends, tmp_path) == expected


@pytest.mark.parametrize("text", ["2026-13-01", "2026-10-24T", "24.10.2026"])
def test_what_is_neither_is_said(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"--from: '{text}' is not a time: write 2h"):
        span(text, "", tmp_path)
