"""A whole backtest: what it finds is what the live code says; recordings, workers, what goes wrong."""

import json
import pickle
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from distributed import LocalCluster

from anomaly_detector.backtest.alarms import SENSITIVITIES, meeting
from anomaly_detector.backtest.block import Job, Terms, run, shipped
from anomaly_detector.backtest.outcome import Outcome, summary
from anomaly_detector.backtest.recording import RecordedSource, RecordingError, load_index, piece, record, save_index
from anomaly_detector.backtest.run import Wanted, backtest
from anomaly_detector.backtest.workers import DaskMissingError, WorkersError, blocks, on_dask
from anomaly_detector.config import Config
from anomaly_detector.errors import ResponseTooLargeError, SourceUnavailableError
from anomaly_detector.instant import judge
from anomaly_detector.models.model import F64
from anomaly_detector.plan import plans
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.learning import Instant, Pause
from anomaly_detector.source.history import learn_history
from anomaly_detector.source.matrix import Matrix
from heronwatch.go_regex import AnchoredRegex
from tests.fakes.detector_plans import config

STEP_S, DAY_S = 600.0, 86_400.0
END_S = 1_763_700_000.0
FROM_S = END_S - 2 * DAY_S
FAULT_S = END_S - DAY_S


class Past:
    """Six series of three hosts; one of `sw1` jumps for two hours, one of `sw2` begins within the span."""

    def __init__(self, *, most_instants: int = 10_000) -> None:
        self.values = np.random.default_rng(3).normal(100, 2, (6, 10_000))
        self.most_instants = most_instants
        self.closed = False

    def server_time(self) -> float:
        return END_S

    def newest_score(self, query: str) -> float:
        return 0.0

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        if len(times_s) > self.most_instants:
            raise ResponseTooLargeError("too much")
        place = np.rint((times_s - END_S) / STEP_S).astype(int)
        values = self.values[:, place].T.copy()
        values[(times_s >= FAULT_S) & (times_s < FAULT_S + 7200), 0] += 60
        values[times_s < END_S - DAY_S / 2, 3] = np.nan
        keys = [json.dumps({"__name__": "x", "instance": f"sw{n // 2 + 1}", "n": str(n)}).encode() for n in range(6)]
        there = np.flatnonzero(np.isfinite(values).any(axis=0))
        return Matrix(keys=[keys[n] for n in there.tolist()], times_s=times_s, values=values[:, there])

    def close(self) -> None:
        self.closed = True


def the_config() -> Config:
    secret = "bearer_token: geheim-geheim-geheim"
    return config(
        f"reader: {{datasource_url: 'http://127.0.0.1:1', {secret}, queries: {{q: {{expr: x, step: 10m}}}}}}\n"
        "models: {m: {class: bank, fit_window: 2d, warmup: 6h}}\n"
        "groups: {history: 0s}\n"  # devices stay unknown for days: series speak for themselves
    )


TERMS = Terms(from_s=FROM_S, to_s=END_S, for_s=600.0, apart_s=3600.0)


def backtested(source: Past | None = None, **changes: object) -> Outcome:
    wanted = msgspec.structs.replace(Wanted(terms=TERMS), **changes)
    return backtest(the_config(), wanted, source=lambda: source or Past(), told=lambda _what, _share: None)


@pytest.fixture(scope="module")
def found() -> Outcome:
    incident = Pause(begins=Instant(FAULT_S), to=Instant(FAULT_S + 7200), match={"instance": AnchoredRegex("sw1")})
    return backtested(incidents=(incident,))


def test_the_fault_is_found_and_nothing_else(found: Outcome) -> None:
    assert {alarm.labels for alarm in found.alarms} == {(("instance", "sw1"), ("n", "0"))}
    assert found.alarms[0].begins == pytest.approx(FAULT_S, abs=STEP_S)
    assert found.judgement is not None
    assert (found.judgement.precision, found.judgement.recall) == (1.0, 1.0)
    assert found.found is not None
    assert found.found[SENSITIVITIES.tolist().index(1.0)] == found.judgement.found == 1
    assert found.hosts == 3


def test_scores_are_those_of_the_live_code(found: Outcome) -> None:
    (plan,) = plans(the_config())
    state = QueryState(plan, last_s=FROM_S - STEP_S)
    source = Past()
    learn_history(source, plan, state, max_series=100)
    peak = 0.0
    for time_s in np.arange(FROM_S, END_S + 1, STEP_S).tolist():
        matrix = source.query_range("x", np.array([time_s]), step_s=STEP_S, max_series=100)
        rows = state.rows(matrix, max_series=100)
        (judged,) = judge(state, plan, rows, matrix.values[0], time_s)
        peak = max(peak, float(judged.verdict.score.max()))
    assert max(alarm.peak for alarm in found.alarms) == pytest.approx(peak, rel=1e-6)


def test_a_series_that_begins_warms_up(found: Outcome) -> None:
    (lane,) = found.lanes
    assert (lane.series, lane.warming > 0) == (6, True)


def test_the_sensitivity_meets_the_budget(found: Outcome) -> None:
    unknown = backtested()
    assert found.notified_a_week == pytest.approx(3.5)
    assert unknown.a_week[SENSITIVITIES.tolist().index(1.0)] == pytest.approx(3.5)
    assert not unknown.within
    assert unknown.budget == 0.25  # the least
    assert unknown.meets == meeting(SENSITIVITIES, unknown.a_week, unknown.budget)
    assert meeting(SENSITIVITIES, unknown.a_week, 3.6) >= 1  # type: ignore[operator]  # as configured it is within that


def test_true_notifications_do_not_count(found: Outcome) -> None:
    assert (found.counted_a_week, found.within) == (0, True)
    assert found.a_week[SENSITIVITIES.tolist().index(1.0)] == 0
    assert (found.meets or 0) >= 1  # what is advised does not silence the incident


def test_the_noisiest_series_is_drawn_first(found: Outcome) -> None:
    trace = found.traces[0]
    assert trace.labels == (("instance", "sw1"), ("n", "0"))
    assert trace.spans
    assert np.nanmax(trace.high) > 150 > np.nanmax(trace.upper)


def test_the_summary_is_for_scripts(found: Outcome) -> None:
    told = json.loads(json.dumps(summary(found)))
    assert (told["series"], told["alarms"], told["within_budget"]) == (6, 1, True)
    assert told["incidents"]["recall"] == 1.0


def test_a_recording_says_the_same_without_a_server(found: Outcome, tmp_path: Path) -> None:
    kept = tmp_path / "recording"
    source = Past(most_instants=50)  # reads in pieces
    assert backtested(source, kept=kept).alarms == found.alarms
    assert source.closed

    def nobody() -> Past:
        raise AssertionError("the server is not to be asked")

    wanted = Wanted(terms=TERMS, recorded=kept)
    again = backtest(the_config(), wanted, source=nobody, told=lambda _what, _share: None)
    assert again.alarms == found.alarms


def test_several_processes_say_the_same(found: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomaly_detector.backtest.workers.FEWEST", 3)
    spread = backtested(workers=2)
    assert spread.alarms == found.alarms
    assert [lane.series for lane in spread.lanes] == [6]


def test_a_job_can_be_sent_away_with_its_data_and_without_secrets(tmp_path: Path) -> None:
    (plan,) = plans(the_config())
    track = record(Past(), plan, tmp_path, start_s=FROM_S - 3 * DAY_S, end_s=END_S, told=lambda *_: None)
    ((own, series),) = blocks(plan, track, instants=300, workers=1)
    job = Job(plan=own, terms=TERMS, start_s=track.start_s, wanted=series, folder=tmp_path, track=track)
    sent = pickle.dumps(shipped(job))
    assert b"geheim" not in sent
    for path in tmp_path.iterdir():
        path.unlink()
    (lane,) = run(pickle.loads(sent)).lanes
    assert len(lane.alarms) == 1


def test_history_is_shared_out_and_a_device_stays_in_one_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomaly_detector.backtest.workers.FEWEST", 2)
    (plan,) = plans(the_config())
    track = record(Past(), plan, tmp_path, start_s=FROM_S, end_s=END_S, told=lambda *_: None)
    cut = list(blocks(plan, track, instants=300, workers=3))
    hosts = [{json.loads(track.series[one])["instance"] for one in series} for _, series in cut]
    assert hosts == [{"sw1"}, {"sw2"}, {"sw3"}]
    assert {len(series) for _, series in cut} == {2}
    assert {own.reader.max_history_points for own, _ in cut} == {plan.reader.max_history_points // 3}


def test_a_dask_cluster_says_the_same(found: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomaly_detector.backtest.workers.FEWEST", 3)
    here = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": ""}
    with LocalCluster(protocol="tcp", host="127.0.0.1", **here) as cluster:
        spread = backtested(workers=2, dask=cluster.scheduler_address)
    assert spread.alarms == found.alarms


def test_a_dask_cluster_that_is_away_is_said() -> None:
    with pytest.raises(WorkersError, match=r"Dask at tcp://127\.0\.0\.1:1 does not answer"):
        next(on_dask("tcp://127.0.0.1:1", [], timeout_s=0.5))


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(DaskMissingError, match=r"pip install 'heronwatch\[dask\]'"):
        next(on_dask("tcp://127.0.0.1:1", []))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    (plan,) = plans(the_config())
    start_s = FROM_S - 3 * DAY_S
    track = record(Past(), plan, tmp_path, start_s=start_s, end_s=END_S, told=lambda *_: None)
    save_index(tmp_path, {"q": track})
    return tmp_path


def test_a_recording_of_something_else_is_refused(recording: Path) -> None:
    with pytest.raises(RecordingError, match="whole span"):
        backtested(recorded=recording, terms=msgspec.structs.replace(TERMS, to_s=END_S + DAY_S))
    index = recording / "recording.json"
    index.write_bytes(index.read_bytes().replace(b'"expr":"x"', b'"expr":"y"'))
    with pytest.raises(RecordingError, match="no query 'q' of this expression"):
        backtested(recorded=recording)
    index.write_bytes(b"{")
    with pytest.raises(RecordingError, match="damaged"):
        backtested(recorded=recording)


def test_a_damaged_array_is_refused(recording: Path) -> None:
    track = load_index(recording).queries["q"]
    path = recording / track.parts[0].file
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RecordingError, match="cannot be read"):
        piece(recording, track, [0])


def test_a_recording_knows_its_first_sample(tmp_path: Path) -> None:
    (plan,) = plans(the_config())

    class Late(Past):
        def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
            answer = super().query_range(expr, times_s, step_s=step_s, max_series=max_series)
            answer.values[times_s < FAULT_S] = np.nan
            return answer

    heard: list[float | None] = []
    span = {"start_s": FROM_S, "end_s": END_S}
    track = record(Late(), plan, tmp_path, **span, told=lambda _share, first_s: heard.append(first_s))
    assert track.first_s == FAULT_S
    assert heard[-1] == FAULT_S
    assert heard[0] is None


def test_a_folder_in_use_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(RecordingError, match="not empty"):
        backtested(kept=tmp_path)


def test_a_server_that_is_away_ends_it() -> None:
    class Away(Past):
        def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
            raise SourceUnavailableError("no connection")

    with pytest.raises(SourceUnavailableError):
        backtested(Away())


def test_a_recorded_source_answers_outside_its_span_with_nothing() -> None:
    source = RecordedSource([b'{"n":"1"}'], np.ones((3, 1)), start_s=600.0, step_s=600.0)
    matrix = source.query_range("x", np.array([0.0, 600.0]), step_s=600.0, max_series=9)
    assert matrix.values.ravel().tolist() == pytest.approx([np.nan, 1.0], nan_ok=True)
    assert source.query_range("x", np.array([0.0]), step_s=600.0, max_series=9).keys == []
