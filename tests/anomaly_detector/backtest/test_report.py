"""The report: one page that needs nothing else, whatever stands in labels; the command that writes it."""

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from datetime import UTC
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest

from anomaly_detector.backtest.cli import ends_tidily
from anomaly_detector.backtest.outcome import Outcome
from anomaly_detector.backtest.plots import bars_plot, curve_plot, series_plot
from anomaly_detector.backtest.recording import record, save_index
from anomaly_detector.backtest.report import page
from anomaly_detector.cli import COMMAND
from anomaly_detector.plan import plans
from tests.anomaly_detector.backtest.test_run import DAY_S, END_S, FROM_S, Past, backtested, the_config
from tests.anomaly_detector.marks.test_marked_past import silences
from tests.fakes.browser import chromium
from tests.fakes.canned_http import canned_http
from tests.fakes.detector_plans import NOWHERE

HOSTILE = '<script>alert(1)</script>"&'
CONFIG = """
reader: {datasource_url: "http://127.0.0.1:1", queries: {q: {expr: x, step: 10m}}}
models: {m: {class: bank, fit_window: 2d, warmup: 6h}}
groups: {history: 0s}
"""
INCIDENTS = """incidents:
- {from: "2025-11-20T04:00:00Z", to: "2025-11-20T08:00:00Z", match: {instance: sw1}}
- {from: "2025-11-12T04:00:00Z", to: "2025-11-12T08:00:00Z", match: {instance: sw1}}  # before the span
"""


@pytest.fixture(scope="module")
def found() -> Outcome:
    return backtested()


def text(found: Outcome) -> str:
    return page(found, title="A backtest", zone=UTC, version="1", facts={"read from": HOSTILE})


class Page(HTMLParser):
    """Elements of a page; every one is closed."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(html: str) -> Page:
    reader = Page()
    reader.feed(html)
    assert reader.open == []
    return reader


def test_the_page_is_whole_and_runs_nothing(found: Outcome) -> None:
    reader = parsed(text(found))
    assert reader.seen.count("svg") == 3 + len(found.traces)
    assert not {"script", "link", "img", "iframe"} & set(reader.seen)


def test_labels_cannot_break_out(found: Outcome) -> None:
    trace = msgspec.structs.replace(found.traces[0], labels=(("instance", HOSTILE),))
    alarm = msgspec.structs.replace(found.alarms[0], labels=(("instance", HOSTILE),), query=HOSTILE)
    html = text(msgspec.structs.replace(found, traces=(trace,), alarms=(alarm,)))
    assert "script" not in parsed(html).seen
    assert "&lt;script&gt;" in html


def test_nothing_found_is_a_page_too(found: Outcome) -> None:
    quiet = msgspec.structs.replace(found, alarms=(), notices=(), traces=(), lanes=(), meets=None)
    html = text(quiet)
    assert "No series alarmed." in html
    assert "No sensitivity between" in html
    parsed(html)


def test_gaps_and_flat_lines_are_drawn(found: Outcome) -> None:
    trace = found.traces[0]
    nothing = np.full_like(trace.low, np.nan)
    fields = ("low", "high", "expected", "lower", "upper")
    empty = msgspec.structs.replace(trace, **dict.fromkeys(fields, nothing))
    flat = msgspec.structs.replace(trace, **dict.fromkeys(fields, np.full_like(trace.low, 1e-30)))
    for one in (empty, flat):
        svg = series_plot(one, UTC)
        assert "nan" not in svg.lower()
        assert "inf" not in svg.lower()


def test_bars_and_curves_bear_zeros() -> None:
    for svg in (bars_plot([], [], name="n"), bars_plot(["a"], [0.0], name="n")):
        assert svg.startswith("<svg")
    sensitivities = np.array([0.5, 1.0, 2.0])
    assert "nan" not in curve_plot(sensitivities, np.zeros(3), budget=0.0, meets=None).lower()


def test_people_see_it(found: Outcome, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text(text(found))
    with chromium(tmp_path) as browser:
        browser.open(f"file://{report}")
        browser.sees("The noisiest series")
        heights = browser.value("[...document.querySelectorAll('svg')].map(one => one.getBoundingClientRect().height)")
        assert min(heights) > 50
        assert browser.complaints == []
        assert [url for url in browser.requests if not url.startswith(f"file://{report}")] == []


def test_on_a_phone_the_page_stays_and_tables_are_pushed_aside(found: Outcome, tmp_path: Path) -> None:
    long = "temperature_of_the_inlets_of_all_racks"
    lanes = tuple(msgspec.structs.replace(lane, query=long) for lane in found.lanes)
    report = tmp_path / "report.html"
    report.write_text(text(msgspec.structs.replace(found, lanes=lanes)))
    with chromium(tmp_path) as browser:
        browser.phone(390, 800)
        browser.open(f"file://{report}")
        browser.sees("By query")
        assert browser.value("document.documentElement.scrollWidth") == 390
        widths = "[...document.querySelectorAll('td.text')].filter(one => one.innerText == '%s').map(one => one.%s)"
        heights = browser.value(widths % (long, "getBoundingClientRect().height"))
        assert max(heights) < 40  # one line: no word is broken


def test_what_is_counted_has_whole_numbers_and_the_budget_a_place_of_its_own() -> None:
    bars = bars_plot(["a", "b"], [0.0, 1.0], name="n")
    assert ">1</text>" in bars
    assert "500m" not in bars
    curve = curve_plot(np.array([0.5, 1.0, 2.0]), np.array([0.0, 1.0, 9.0]), budget=1.0, meets=1.0)
    assert 'text-anchor="end">budget 1</text>' in curve
    assert '<text class="tick" x="948"' in curve


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("backtest")
    (plan,) = plans(the_config())
    kept = directory / "recording"
    kept.mkdir()
    track = record(Past(), plan, kept, start_s=FROM_S - 3 * DAY_S, end_s=END_S, told=lambda *_: None)
    save_index(kept, {"q": track})
    (directory / "detector.yml").write_text(CONFIG)
    (directory / "incidents.yml").write_text(INCIDENTS)
    return directory


def command(folder: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    COMMAND.add_arguments(parser)
    return COMMAND.run(parser.parse_args(["backtest", "--config.file", str(folder / "detector.yml"), *arguments]))


def test_the_command_writes_a_report_and_tells_scripts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "report.html"
    span = ("--recorded", str(folder / "recording"), "--from", "2d", "--workers", "1")
    more = ("--incidents", str(folder / "incidents.yml"), "--out", str(out), "--json", "--strict")
    status, printed = command(folder, *span, *more), capsys.readouterr()
    told = json.loads(printed.out)
    assert (status, told["alarms"], told["incidents"]["recall"]) == (0, 1, 1.0)
    assert (told["counted_per_week"], told["within_budget"]) == (0, True)
    assert told["sensitivity_that_meets_the_budget"] >= 1
    assert told["report"] == str(out)
    assert "judging: 100%" in printed.err
    assert told["incidents"]["outside_the_span"] == 1
    assert "1 of 1 were found" in out.read_text()
    assert "1 more lie outside of the span" in out.read_text()
    assert "true ones do not count against the budget" in out.read_text()
    assert command(folder, *span, "--out", str(out), "--strict") == 4
    assert "above the budget" in capsys.readouterr().out


def test_the_command_says_whose_marks_it_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_http(silences("2025-11-20T08:00:00Z")) as server:
        marks = f"marks: {{webhook: {{url: '{NOWHERE}'}}, alertmanagers: [{{url: '{server.url}'}}]}}\n"
        (folder / "marks.yml").write_text(marks)
        span = ("--recorded", str(folder / "recording"), "--from", "2d", "--workers", "1")
        files = ("--config.file", str(folder / "marks.yml"), "--out", str(folder / "marked.html"))
        assert command(folder, *files, *span, "--json") == 0
        url = server.url
    printed = capsys.readouterr()
    away, here = json.loads(printed.out)["marks"]
    assert (away["server"], away["pauses"], bool(away["trouble"])) == (NOWHERE, 0, True)
    assert here == {"server": url, "pauses": 1, "trouble": ""}
    for words in (f"not read of {NOWHERE}", f"1 pause of {url}"):
        assert f"marks: {words}" in printed.err
        assert words in (folder / "marked.html").read_text()


def test_sigterm_ends_it_as_an_exception_does() -> None:
    before, closed = signal.getsignal(signal.SIGTERM), []

    def ended() -> None:
        with ends_tidily(), contextlib.ExitStack() as stack:
            stack.callback(closed.append, True)
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(10)  # which the signal interrupts

    with pytest.raises(SystemExit, match="143"):
        ended()
    assert closed == [True]
    assert signal.getsignal(signal.SIGTERM) == before


def test_history_that_begins_within_the_span_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "late.html"
    recorded = ("--recorded", str(folder / "recording"), "--workers", "1", "--out", str(out))
    index = folder / "recording" / "recording.json"
    kept = index.read_bytes()
    told = json.loads(kept)
    told["queries"]["q"]["first_s"] = END_S - DAY_S
    index.write_text(json.dumps(told))
    try:
        assert command(folder, *recorded, "--from", "2d") == 0
    finally:
        index.write_bytes(kept)
    assert "q has no samples before 2025-11-20T04:40Z: nothing before is judged" in capsys.readouterr().out
    assert "begins within the span" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--from", "tomorrow"), 2, "--from: 'tomorrow' is not a time"),
        (("--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"), 2, "--from is not before --to"),
        (("--from", "100000d"), 2, "--from: '100000d' lies before 1970"),
        (("--from", "1d", "--budget", "nan"), 2, "--budget: a number that is not below 0"),
        (("--from", "1d", "--out", "/dev/null/report.html"), 2, "--out: /dev/null is no folder"),
        (("--from", "1d", "--query", "r"), 2, "'r' is no query (known: 'q')"),
        (("--from", "1d", "--recorded", "/nonexistent"), 1, "No such file"),
        (("--from", "1d", "--to", "2025-11-21T00:00:00Z"), 1, "127.0.0.1:1: no connection"),
    ],
)
def test_what_is_wrong_is_said(
    folder: Path, arguments: tuple[str, ...], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(folder, *arguments) == status
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.out == ""


def test_dask_that_is_missing_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    span = ("--recorded", str(folder / "recording"), "--from", "2d")
    assert command(folder, *span, "--dask", "tcp://127.0.0.1:1") == 3
    assert "pip install 'heronwatch[dask]'" in capsys.readouterr().err
