"""Explaining a series of a fake Prometheus: the same words as the live code, from history or from a snapshot."""

import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.config import Config
from anomaly_detector.cycle import QueryRunner
from anomaly_detector.errors import ResponseTooLargeError
from anomaly_detector.explain.finding import Explanation
from anomaly_detector.explain.inquiry import explained, with_pauses
from anomaly_detector.explain.lookup import NoSuchSeriesError, find
from anomaly_detector.explain.subject import subject_of
from anomaly_detector.explain.telling import as_builtins, as_text
from anomaly_detector.feedback.effects import Marks
from anomaly_detector.feedback.verdicts import Entry, Undo
from anomaly_detector.marks.matching import MarkedPause
from anomaly_detector.metrics import Metrics
from anomaly_detector.models.model import F64
from anomaly_detector.plan import plans
from anomaly_detector.scoring.bank_features import FEATURES
from anomaly_detector.scoring.learning import Instant
from anomaly_detector.source.matrix import Matrix
from anomaly_detector.state import load, save, snapshot_path
from tests.fakes.clock import FakeClock
from tests.fakes.detector_plans import NOWHERE, config
from tests.fakes.prom_api import FakePromApi

NOW_S = 1_763_700_002.0
AT_S = 1_763_700_000.0
FAULT_S = AT_S - 300


class Host(FakePromApi):
    """Two series of one host, one of another; `sw1`'s `a` jumps at the end. Scores are told as if written."""

    def __init__(self) -> None:
        super().__init__(NOW_S)
        self.values = np.random.default_rng(4).normal(100, 2, (3, 20_000))
        self.exprs: list[str] = []

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        self.exprs.append(expr)
        if expr.startswith("anomaly_score"):
            return Matrix(keys=[b"{}"], times_s=times_s, values=np.full((len(times_s), 1), 1.5))
        place = np.rint((times_s - AT_S) / 60).astype(int)
        values = self.values[:, place].T.copy()
        values[times_s >= FAULT_S, 0] += 80
        keys = [
            f'{{"__name__":"x","instance":"{host}","n":"{n}"}}'.encode()
            for host, n in (("sw1", "a"), ("sw1", "b"), ("sw2", "a"))
        ]
        wanted = [place for place, key in enumerate(keys) if "sw1" not in expr or b"sw1" in key]
        return Matrix(keys=[keys[place] for place in wanted], times_s=times_s, values=values[:, wanted])


BANK = "{m: {class: bank, fit_window: 2d, warmup: 1d}}"


@pytest.fixture(autouse=True)
def hurried(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge an hour ahead of the instant instead of a day, where that is not the matter."""
    if "whole_lead" not in request.fixturenames:
        monkeypatch.setattr("anomaly_detector.explain.inquiry.LEAD_S", 3600.0)


@pytest.fixture
def whole_lead() -> None:
    """Ask for the day ahead of the instant."""


def the_config(settings: str = "{}", query: str = "expr: x, step: 60s", models: str = BANK) -> Config:
    queries = f"{{q: {{{query}}}, other: {{expr: y, step: 60s}}}}"
    return config(
        f"reader: {{datasource_url: '{NOWHERE}', queries: {queries}}}\nmodels: {models}\nsettings: {settings}\n"
    )


def explain(
    text: str, *, source: Host | None = None, at_s: float | None = None, marks: Marks | None = None, **changes: str
) -> Explanation:
    the, source = the_config(**changes), source or Host()
    return explained(the, source, find(the, source, subject_of(text), at_s=at_s), marks=marks or Marks())


def test_a_faulty_series_is_explained() -> None:
    told = explain('q{instance="sw1", n="a"}')
    (said,) = told.said
    assert told.actual == pytest.approx(180, abs=10)
    assert said.score > 1
    assert said.lower < said.expected < said.upper < 180
    assert max(said.features, key=lambda name: said.features[name]) in {"shape", "level", "range"}
    assert sum(said.shares.values()) == pytest.approx(1)
    assert said.written == 1.5
    assert told.not_learning == "frozen while the score is above 1 (m)"


def test_a_broken_limit_is_told_and_one_that_holds_is_not() -> None:
    broken = explain('q{instance="sw1", n="a"}', query="expr: x, step: 60s, data_range: [0, 150]")
    assert broken.limit.startswith("beyond data_range, 0 to 150: scores 1.01")
    assert "  limit        beyond data_range" in as_text(broken)
    holds = explain('q{instance="sw1", n="b"}', query="expr: x, step: 60s, data_range: [0, 150]")
    assert holds.limit == ""
    assert "limit" not in as_text(holds)


@pytest.mark.usefixtures("whole_lead")
def test_what_began_hours_ago_is_not_learnt_as_normal() -> None:
    class Long(Host):
        def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
            answer = super().query_range(expr, times_s, step_s=step_s, max_series=max_series)
            if not expr.startswith("anomaly_score"):
                answer.values[(times_s >= AT_S - 20 * 3600) & (times_s < FAULT_S), 0] += 80
            return answer

    the, source = the_config(query="expr: x, step: 300s"), Long()
    told = explained(the, source, find(the, source, subject_of('q{instance="sw1", n="a"}'), at_s=None), marks=Marks())
    (said,) = told.said
    assert said.score > 1
    assert said.upper < 150
    assert told.learnt == "2d of history, learnt anew: what was before 2025-11-20T04:40Z is taken as normal"
    assert "differs      the running detector wrote 1.50, having learnt otherwise" in as_text(told)


def test_generations_and_features_testify() -> None:
    (said,) = explain('q{instance="sw1", n="a"}').said
    told = said.testimony
    assert set(told.generations) == {"older", "younger"}
    assert min(told.generations.values()) == pytest.approx(said.features["shape"], rel=0.05)
    assert max(told.shares, key=lambda name: told.shares[name]) in FEATURES
    assert max(told.shares.values()) > 0.05
    (calm,) = explain('q{instance="sw1", n="b"}').said
    assert max(calm.testimony.generations.values()) < 1


def test_a_model_without_parts_has_no_testimony() -> None:
    told = explain('q{instance="sw1", n="a"}', models="{m: {class: static_z, fit_window: 2d}}")
    assert told.said[0].testimony.generations == {}


def test_its_host_is_counted_over_all_queries() -> None:
    told = explain('q{instance="sw1", n="a"}')
    assert [(one.query, one.series, one.above) for one in told.mates] == [("q", 2, 1), ("other", 2, 1)]
    assert told.agreeing == (2, 4)


def test_only_the_host_is_asked_for() -> None:
    source = Host()
    explain('q{instance="sw1", n="a"}', source=source)
    asked = [expr for expr in source.exprs if not expr.startswith("anomaly_score")]
    assert all('"instance", "sw1"' in expr for expr in asked)


def test_before_the_fault_it_was_usual() -> None:
    told = explain('x{instance="sw1", n="a"}', at_s=FAULT_S - 60 * 30)
    assert told.at == FAULT_S - 1800
    assert told.said[0].score < 1
    assert told.not_learning == ""


class Over(Host):
    """A single wild sample, five minutes ago."""

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        answer = super().query_range(expr, times_s, step_s=step_s, max_series=max_series)
        answer.values[times_s > FAULT_S, 0] -= 80
        return answer


def test_a_score_that_an_alarm_before_holds_up_is_told() -> None:
    told = explain('q{instance="sw1", n="a"}', source=Over())
    (said,) = told.said
    assert said.held is not None
    assert (said.held.at, said.held.hold) == (FAULT_S, 20)
    assert said.by_itself < said.score < said.held.score
    assert said.score == pytest.approx(said.held.score * np.exp(-5 / 20), rel=0.01)
    assert (told.not_learning == "") is (said.by_itself <= 1)
    words = (
        f"held         from {said.held.score:.2f} at 04:35Z, falling (hold: 20 samples); by itself this sample scores"
    )
    assert f"{words} {said.by_itself:.2f}" in as_text(told)


def test_a_score_of_the_sample_itself_is_not_held() -> None:
    (said,) = explain('q{instance="sw1", n="b"}').said
    assert said.held is None
    assert said.by_itself == said.score


def test_what_tells_and_does_not_score_has_no_share_and_stands_last() -> None:
    told = explain('q{instance="sw1", n="a"}')
    assert set(told.said[0].shares) == {"shape", "level"}
    features = [line for line in as_text(told).splitlines() if line.startswith("  feature")]
    assert features[-1].split()[1] == "range"
    assert features[-1].endswith("tells, does not score")


def test_a_false_alarm_is_reckoned_with() -> None:
    labels = {"for": "q", "instance": "sw1", "n": "a"}
    entry = Entry(id="1f", at=AT_S, verdict="false_alarm", labels=labels, start=AT_S - 60, end=AT_S)
    raised = explain('q{instance="sw1", n="a"}', marks=Marks(version=1, raises=(entry,)))
    plain = explain('q{instance="sw1", n="a"}')
    assert raised.said[0].raised_by == pytest.approx(1.2)
    assert raised.said[0].score == pytest.approx(plain.said[0].score / 1.2, rel=1e-3)
    assert raised.feedback
    assert not plain.feedback


def test_a_pause_is_told() -> None:
    settings = "{learning_pauses: [{from: '2025-11-21T00:00:00Z', to: '2025-11-22T00:00:00Z'}]}"
    told = explain('q{instance="sw1", n="b"}', settings=settings).not_learning
    assert told == "in a learning pause: settings.learning_pauses until 2025-11-22T00:00Z"


def test_a_mark_and_a_verdict_are_told_as_such() -> None:
    the, source = the_config(), Host()
    silence = MarkedPause(begins=Instant(AT_S - 60), to=Instant(AT_S + 3600), mark="silence b8c15c14")
    said = Entry(id="1f", at=AT_S, verdict="incident", labels={"for": "q"}, start=AT_S - 60, end=AT_S + 60)
    paused = with_pauses(the, (silence,))
    found = find(the, source, subject_of('q{instance="sw1", n="b"}'), at_s=None)
    marked = find(paused, source, subject_of('q{instance="sw1", n="b"}'), at_s=None)
    by_mark = explained(paused, source, marked, marks=Marks())
    assert by_mark.not_learning == "in a learning pause: silence b8c15c14 until 2025-11-21T05:40Z"
    by_people = explained(the, source, found, marks=Marks(version=1, spans=(said,)))
    assert by_people.not_learning == "in a learning pause: people said so (feedback) until 2025-11-21T04:41Z"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('q{instance="sw1"}', "several series are meant"),
        ('q{instance="sw9"}', "no such series"),
        ("nothing", r"'nothing' is neither an alias nor a metric of this configuration \(known: 'q', 'other'\)"),
        ('othr{instance="sw1"}', r"'othr' is neither .* \(did you mean 'other'\?\)"),
        ('{for="nothing"}', "'nothing' is no alias of this configuration"),
    ],
)
def test_what_is_not_one_series_is_said(text: str, words: str) -> None:
    with pytest.raises(NoSuchSeriesError, match=words):
        explain(text)


def test_too_many_series_are_not_looked_at() -> None:
    class Crowd(Host):
        def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
            assert len(times_s) == 1
            raise ResponseTooLargeError(f"more than {max_series} series")

    with pytest.raises(NoSuchSeriesError, match="more than 2000 series are meant"):
        explain("q", source=Crowd())


@pytest.fixture
def snapshot(tmp_path: Path) -> tuple[Path, QueryRunner]:
    """A run that ended ten instants ago and left its snapshot."""
    source, clock = Host(), FakeClock()
    source.now_s -= 600
    (plan, _) = plans(the_config(settings=f"{{state_dir: '{tmp_path}'}}"))
    runner = QueryRunner(
        plan,
        api=source,
        outbox=Nobody(),
        metrics=Metrics(CollectorRegistry()),
        clock=clock,
        reads=threading.Semaphore(1),
        room=lambda _alias: 100,
    )
    stop = threading.Event()
    runner.attempt(stop)
    stop.set()
    runner.run(stop)
    return tmp_path, runner


class Nobody:
    """An outbox that nobody empties."""

    wants_pages = False

    def offer(self, batch: object) -> None:
        """Take it."""


def test_a_snapshot_is_gone_on_from_and_left_alone(snapshot: tuple[Path, QueryRunner]) -> None:
    directory, _ = snapshot
    before = {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    told = explain('q{instance="sw1", n="a"}', settings=f"{{state_dir: '{directory}'}}")
    assert told.learnt.startswith("the snapshot of 2025-11-21")
    assert told.said[0].score > 1
    assert {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def test_the_live_detector_says_the_same(snapshot: tuple[Path, QueryRunner]) -> None:
    directory, runner = snapshot
    pages = {}
    runner._outgoing._outbox = type("Shown", (Nobody,), {"wants_pages": True})()
    runner._api.now_s = NOW_S  # type: ignore[attr-defined]  # the fake's clock
    runner.attempt(threading.Event())
    pages = {line: value for page in runner.pages for line, value in zip(page.lines, page.values, strict=True)}
    live = next(value for line, value in pages.items() if 'instance="sw1"' in line and 'n="a"' in line)
    told = explain('q{instance="sw1", n="a"}', settings=f"{{state_dir: '{directory}'}}")
    assert told.said[0].score == pytest.approx(live, rel=1e-5)


def test_a_level_taken_back_since_the_snapshot_no_longer_counts(snapshot: tuple[Path, QueryRunner]) -> None:
    directory, _ = snapshot
    labels = {"for": "q", "instance": "sw1", "n": "a"}
    entry = Entry(id="1f", at=AT_S, verdict="accepted", labels=labels, start=FAULT_S - 1200, end=AT_S, who="ana")
    (plan, _) = plans(the_config(settings=f"{{state_dir: '{directory}'}}"))
    path = snapshot_path(directory, "q")
    header, arrays = load(path, fingerprint=plan.fingerprint)
    save(path, msgspec.structs.replace(header, accepted=["1f"]), arrays)  # as if it had been heeded
    settings = f"{{state_dir: '{directory}'}}"
    withdrawn = Marks(version=1, withdrawn=((entry, Undo(id="1f", at=AT_S - 30)),))
    back = explain('q{instance="sw1", n="a"}', settings=settings, marks=withdrawn)
    assert back.learnt.endswith("; verdicts about levels since then heeded")
    assert back.accepted == []
    assert back.said[0].score > 1
    kept = explain('q{instance="sw1", n="a"}', settings=settings, marks=Marks(version=1, accepts=(entry,)))
    assert kept.learnt.startswith("the snapshot of 2025-11-21")
    assert kept.learnt.endswith("Z")
    assert "level        accepted: 1f, its level is normal since 2025-11-21T04:15Z by ana" in as_text(kept)


def test_a_level_accepted_since_the_snapshot_counts(snapshot: tuple[Path, QueryRunner]) -> None:
    settings = f"{{state_dir: '{snapshot[0]}'}}"
    labels = {"for": "q", "instance": "sw1", "n": "a"}
    entry = Entry(id="1f", at=AT_S, verdict="accepted", labels=labels, start=AT_S - 450, end=AT_S)
    before = explain('q{instance="sw1", n="a"}', settings=settings).said[0]
    after = explain('q{instance="sw1", n="a"}', settings=settings, marks=Marks(version=1, accepts=(entry,)))
    assert after.said[0].score < before.score
    assert after.learnt.endswith("; verdicts about levels since then heeded")
    assert len(after.accepted) == 1


def test_it_reads_well() -> None:
    text = as_text(explain('q{instance="sw1", n="a"}'))
    assert text.splitlines()[0] == 'q{instance="sw1", n="a"} at 2025-11-21T04:40:00Z'
    assert "(anomalous) by m (bank), written 1.50" in text
    assert "host         sw1: 2 of 4 series above 1 (50%)" in text


def test_scripts_read_json() -> None:
    told = as_builtins(explain('q{instance="sw1", n="a"}'))
    assert told["agreeing"] == {"above": 2, "series": 4}
    assert told["said"][0]["model"] == "bank"
