"""A backtest tells what a service would have notified of devices: played with its code, and said the same."""

import json
from datetime import UTC

import numpy as np
import pytest

from anomaly_detector.backtest.alarms import SENSITIVITIES
from anomaly_detector.backtest.block import Terms
from anomaly_detector.backtest.cli import said
from anomaly_detector.backtest.outcome import Outcome, summary
from anomaly_detector.backtest.report import page
from anomaly_detector.backtest.run import Wanted, backtest
from anomaly_detector.config import Config
from anomaly_detector.grouping.follow import every_row, groups_of
from anomaly_detector.grouping.rehearsal import Rehearsal
from anomaly_detector.marks.past import MarkedPast
from anomaly_detector.models.model import F64
from anomaly_detector.plan import plans
from anomaly_detector.replay import Replay
from anomaly_detector.scoring.learning import Instant, Pause
from anomaly_detector.source.matrix import Matrix
from heronwatch.go_regex import AnchoredRegex
from tests.fakes.detector_plans import NOWHERE, config

STEP_S, DAY_S = 3600.0, 86_400.0
DEVICES, PORTS = 12, 2
END_S = 20_410 * DAY_S
FROM_S = END_S - 2 * DAY_S
FAULT_S = END_S - DAY_S


def configured(query: str = "") -> Config:
    return config(
        f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {{expr: x, step: 1h{query}}}}}}}\n"
        "models: {m: {class: bank, fit_window: 3d, warmup: 12h}}\n"
        "groups: {history: 4d}\n"
    )


CONFIG = configured()


class Fleet:
    """Twelve devices with two ports each; both ports of `sw3` jump for three hours."""

    def __init__(self) -> None:
        self.values = np.random.default_rng(7).normal(100, 2, (DEVICES * PORTS, 2000))

    def server_time(self) -> float:
        return END_S

    def newest_score(self, query: str) -> float:
        return 0.0

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        values = self.values[:, np.rint((times_s - END_S) / STEP_S).astype(int)].T.copy()
        fault = (times_s >= FAULT_S) & (times_s < FAULT_S + 3 * STEP_S)
        values[np.ix_(fault, [6, 7])] += 60
        keys = [json.dumps({"instance": f"sw{n // 2}", "port": str(n % 2)}).encode() for n in range(DEVICES * PORTS)]
        return Matrix(keys=keys, times_s=times_s, values=values)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(scope="module")
def found() -> Outcome:
    return found_with(CONFIG)


def found_with(given: Config) -> Outcome:
    terms = Terms(from_s=FROM_S, to_s=END_S, for_s=STEP_S, apart_s=3600.0)
    return backtest(given, Wanted(terms=terms), source=Fleet, told=lambda _what, _share: None)


def test_the_device_is_notified_of_and_its_series_are_not(found: Outcome) -> None:
    about = {(one.kind, one.name) for one in found.notices if FAULT_S <= one.begins < FAULT_S + 3 * STEP_S}
    assert about == {("device", "sw3")}
    assert len([alarm for alarm in found.alarms if alarm.host == "sw3"]) == PORTS
    assert found.judged == 1.0


def test_a_device_in_a_marked_maintenance_is_not_notified_of(found: Outcome) -> None:
    window = Pause(begins=Instant(FAULT_S - DAY_S / 4), to=Instant(END_S), match={"instance": AnchoredRegex("sw3")})
    marked = MarkedPast(pauses=(window,), lived=(window,))
    wanted = Wanted(terms=found.terms, marked=marked)
    told = backtest(CONFIG, wanted, source=Fleet, told=lambda _what, _share: None).notices
    assert {one.name for one in told} == {one.name for one in found.notices} - {"sw3"}


def test_a_missed_incident_tells_how_near_it_came() -> None:
    quiet = Pause(
        begins=Instant(FROM_S + 3600), to=Instant(FROM_S + 4 * 3600), match={"instance": AnchoredRegex("sw5")}
    )
    terms = Terms(from_s=FROM_S, to_s=END_S, for_s=STEP_S, apart_s=3600.0)
    shares: list[float] = []
    told = backtest(
        CONFIG, Wanted(terms=terms, incidents=(quiet,)), source=Fleet, told=lambda _what, share: shares.append(share)
    )
    (near,) = told.near
    assert near.incident is quiet
    assert near.who in ("device sw5", "")
    assert 0 <= near.score < 1
    assert near.series is not None
    assert dict(near.series.labels)["instance"] == "sw5"
    assert 0 < near.series.score < 1
    text = page(told, title="t", zone=UTC, version="1", facts={})
    assert f"{near.series.score:.2f} q{{instance=&quot;sw5&quot;" in text
    drawn = {trace.labels for trace in told.traces}
    assert near.series.labels in drawn
    assert told.found is not None
    assert told.found[SENSITIVITIES.tolist().index(1.0)] == 0
    assert {one.sensitivity for one in told.choices} >= {1.0, told.meets}
    curve = summary(told)["curve"]
    assert [one["incidents_found"] for one in curve] == told.found.tolist()
    finds = told.finds_most
    assert (finds is None) is (max(told.found.tolist()) == 0)
    words = said(told)[1]
    if finds is None:
        assert words.endswith("; no sensitivity up to 4 times this one finds more")
    else:
        assert finds.sensitivity >= (near.sensitivity or 0)
        assert f"{finds.sensitivity:g} times the sensitivity finds 1, at {finds.a_week:.3g} false" in words
        assert f">{finds.sensitivity:g}</td>" in text
    assert 'class="recall"' in text
    judging = shares[shares.index(0.0) :] if 0.0 in shares else shares
    assert len({round(one, 3) for one in judging}) > 20  # told while the one block is judged


def test_the_summary_counts_kinds(found: Outcome) -> None:
    told = summary(found)
    assert told["notifications"]["series"] == 0
    assert told["notifications"]["device"] == len(found.notices)
    assert told["budget_per_week"] == 0.25  # the least


def test_a_live_service_says_the_same(found: Outcome) -> None:
    assert highest(found) == {name: pytest.approx(most, rel=1e-4) for name, most in lived(CONFIG).items()}


def test_a_live_service_says_the_same_of_a_broken_limit(found: Outcome) -> None:
    given = configured(", data_range: [0, 105]")
    limited = found_with(given)
    assert highest(limited) == {name: pytest.approx(most, rel=1e-4) for name, most in lived(given).items()}
    assert highest(limited).keys() > highest(found).keys()
    only = [one for one in limited.notices if one.name not in highest(found)]
    assert {one.peak for one in only} == {np.float32(1.01)}
    assert limited.a_week[0] == pytest.approx(limited.notified_a_week)  # all break a limit, whatever the sensitivity


def highest(found: Outcome) -> dict[str, float]:
    """Return how high each device came that was notified of."""
    return {one.name: max(n.peak for n in found.notices if n.name == one.name) for one in found.notices}


def lived(given: Config) -> dict[str, float]:
    """Return the same of a fresh start: the past is played beside, its devices taken over, live instants follow."""
    (plan,) = plans(given)
    past, live = groups_of(plan), groups_of(plan)
    assert past is not None
    assert live is not None
    before_s = FROM_S - STEP_S
    for _ in Rehearsal(plan, past, Fleet()).run(before_s - 4 * DAY_S, before_s):
        pass
    replay = Replay(plan, Fleet())
    state = replay.learnt(before_s)
    live.signing.follow(state.table)
    live.take_over(past)
    peak = dict.fromkeys(live.devices, 0.0)
    for instant in replay.run(state, END_S):
        values, held = every_row(len(state.table), instant.rows, instant.values, instant.held)
        told = live.at(state.table, instant.words[0], values, held)
        assert told is not None
        for device, place in live.devices.items():
            peak[device] = max(peak[device], float(told.group[place]))
    return {device: one for device, one in peak.items() if one > 1}
