"""The accuracy benchmark measures what it says: NAB's rules, VUS-PR, budgets, and its own input."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from benchmarks.detector_accuracy import FIGURES, show
from benchmarks.detector_accuracy_alarms import alarms, debounced, held, improbable
from benchmarks.detector_accuracy_asd import interpreted
from benchmarks.detector_accuracy_nab import Series, read, row_points, standard_score
from benchmarks.detector_accuracy_peers import PEERS
from benchmarks.detector_accuracy_ranges import auc_pr, budget, ranges, vus_pr


def series(rows: int, windows: tuple[tuple[int, int], ...]) -> Series:
    return Series(name="a.csv", times_s=np.arange(rows) * 300.0, values=np.zeros(rows), windows=windows)


def detections(rows: int, *places: int) -> np.ndarray:
    score = np.zeros(rows)
    score[list(places)] = 1
    return score


def test_nab_perfect_is_100_and_silence_0() -> None:
    one = series(1000, ((300, 349), (600, 649)))
    assert standard_score([one], [detections(1000, 300, 600)]) == pytest.approx(100)
    assert standard_score([one], [np.zeros(1000)]) == 0  # the best threshold lets nothing pass


def test_nab_counts_the_earliest_detection_and_only_one() -> None:
    one = series(1000, ((300, 349),))
    late = standard_score([one], [detections(1000, 345)])
    assert late < standard_score([one], [detections(1000, 310)]) < 100
    assert standard_score([one], [detections(1000, 310, 345)]) == standard_score([one], [detections(1000, 310)])


def test_nab_false_detections_cost_by_their_distance() -> None:
    one = series(1000, ((300, 349),))
    hit = standard_score([one], [detections(1000, 300)])
    assert hit - standard_score([one], [detections(1000, 300, 900)]) == pytest.approx(50 * 0.11)
    assert hit - standard_score([one], [detections(1000, 300, 351)]) < 50 * 0.11 * 0.2


def test_nab_does_not_score_probation() -> None:
    one = series(1000, ((300, 349),))
    assert standard_score([one], [detections(1000, 10, 100, 149, 300)]) == pytest.approx(100)
    assert standard_score([one], [detections(1000, 150, 300)]) < 100


def test_nab_one_threshold_for_all_files() -> None:
    one = series(1000, ((300, 349),))
    quiet, loud = detections(1000, 300) * 0.1, detections(1000, 300, *range(400, 1000)) * 0.5
    together = standard_score([one, one], [quiet, loud + detections(1000, 300) * 0.1])
    assert together == pytest.approx(50)  # at 0.6 one of two windows, at 0.1 hundreds of false detections


def test_nab_points_follow_the_scaled_sigmoid() -> None:
    points = row_points(400, [(100, 199)])
    assert points[0] == -0.11
    assert points[100] == pytest.approx(1.0)
    assert points[150] == pytest.approx(0.855, abs=0.01)  # half-way: 2 / (1 + e^-2.5) - 1 over that at the edge
    assert points[399] == pytest.approx(-0.11, abs=1e-4)


def test_nab_files_are_read_with_their_windows(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "data" / "x").mkdir(parents=True)
    windows = {"x/a.csv": [["2014-01-01 00:05:00.000000", "2014-01-01 00:15:00.000000"]], "x/not_here.csv": []}
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(windows))
    rows = "".join(f"2014-01-01 00:{minute:02}:00,{minute}\n" for minute in range(0, 30, 5))
    (tmp_path / "data" / "x" / "a.csv").write_text("timestamp,value\n" + rows)
    (one,) = read(tmp_path)
    assert (one.name, one.windows, one.values.tolist()) == ("a.csv", ((1, 3),), [0, 5, 10, 15, 20, 25])
    assert one.times_s[0] == datetime(2014, 1, 1, tzinfo=UTC).timestamp()
    (tmp_path / "data" / "x" / "a.csv").unlink()
    with pytest.raises(ValueError, match="none of the 2 files"):
        read(tmp_path)


def test_what_is_not_known_is_left_out_of_the_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"{name}{suffix}" for suffix in ("", "_untuned") for name in FIGURES]
    own = dict.fromkeys(names, 0.5)
    peer, other = own | {"host_vus_pr_untuned": float("nan")}, own | {"nab_standard": 60.0}
    show({"bank": own | {"host_vus_pr_untuned": float("nan")}, "a": peer, "b": other}, {})
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])["figures"]
    assert "host_vus_pr_untuned" not in figures
    assert figures["best_peer_host_vus_pr_untuned"] == 0.5
    assert figures["best_peer_nab_standard"] == 60


def slow_vus(label: np.ndarray, score: np.ndarray, buffer: int) -> float:
    """VUS-PR threshold by threshold and buffer by buffer, as the paper describes it."""
    spans = ranges(label)
    volumes = []
    for window in range(buffer + 1):
        half, weight = window // 2, label.astype(float)
        for first, last in spans:
            for away in range(1, half + 1):
                for place in (last + away, first - away):
                    if 0 <= place < len(label):
                        weight[place] += np.sqrt(1 - away / window)
        weight = np.minimum(weight, 1)
        segments = []
        for first, last in spans:
            if segments and first - half <= segments[-1][1]:
                segments[-1][1] = last + half
            else:
                segments.append([max(0, first - half), last + half])
        area, before = 0.0, 0.0
        for place in np.linspace(0, len(score) - 1, 250).astype(int):
            taken = score >= np.sort(score)[::-1][place]
            found = (weight * taken).sum()
            positives = (label.sum() + label.sum() + (weight * taken * ~label).sum()) / 2
            hit = np.mean([taken[first : last + 1].any() for first, last in segments])
            recall = min(found / positives, 1) * hit
            area += (recall - before) * found / taken.sum()
            before = recall
        volumes.append(area)
    return float(np.mean(volumes))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_vus_pr_equals_the_slow_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    label = np.zeros(600, bool)
    for first in (50, 90, 400):
        label[first : first + random.integers(5, 20)] = True
    score = random.normal(0, 1, 600).round(1) + label * 1.5
    assert vus_pr(label, score, buffer=24, step=1) == pytest.approx(slow_vus(label, score, 24), abs=1e-12)


def test_a_perfect_score_has_the_highest_auc_pr() -> None:
    label = np.array([False] * 50 + [True] * 10 + [False] * 40)
    assert auc_pr(label, label.astype(float)) == 1.0
    assert auc_pr(label, np.zeros(100)) == pytest.approx(0.1)


def test_budget_counts_events_and_groups_of_false_alarms() -> None:
    label, score = np.zeros(2880, bool), np.zeros(2880)  # ten days of five minutes
    label[100:110] = label[500:510] = True
    score[105], score[503] = 3.0, 1.0
    score[[1000, 1005, 2000]] = 2.0  # two groups: the first two are within an hour
    found = budget([label], [score], step_s=300.0)
    assert found.at(0.0) == 0.5
    assert found.at(0.19) == 0.5
    assert found.at(0.2) == 1.0


def test_an_alarm_that_never_ends_is_not_free() -> None:
    label = np.zeros(2880, bool)
    label[1000:1010] = True
    assert budget([label], [np.ones(2880)], step_s=300.0).at(0.9) == 0


def test_interpretations_overlap_and_end_inside() -> None:
    labels = interpreted("2-3:1\n3-5:1,2\n", (8, 2))
    assert ranges(labels[:, 0]) == [(2, 5)]
    assert ranges(labels[:, 1]) == [(3, 5)]


def test_calibration_and_debouncing_look_at_the_past_only() -> None:
    random = np.random.default_rng(5)
    score = random.exponential(1, 500)
    longer = np.concatenate([score, random.exponential(9, 100)])
    assert np.array_equal(improbable(score), improbable(longer)[:500])
    assert np.array_equal(debounced(score, 20), debounced(longer, 20)[:500])


@pytest.mark.parametrize("name", ["static_z", "promql_adaptive", "holt_winters", "sub_pca", "windowed_gaussian"])
def test_peers_look_at_the_past_only_and_see_a_spike(name: str) -> None:
    random = np.random.default_rng(6)
    values = 10 + random.normal(0, 0.1, (1200, 2))
    values[1000, 0] += 30
    score = PEERS[name](values, 600, 300.0)
    assert score.shape == values.shape
    assert np.isfinite(score).all()
    assert score[1000, 0] > np.quantile(score[600:1000, 0], 0.99)
    np.testing.assert_allclose(PEERS[name](values[:1000], 600, 300.0), score[:1000])


def test_several_streams_have_to_agree() -> None:
    random = np.random.default_rng(8)
    one = series(1000, ())
    first, second = random.exponential(1, (2, 1000))
    first[700] = first[800] = second[800] = 30
    told = alarms(one, first, second)
    assert told[800] > told[700] > 0


def test_held_scores_fall_and_never_rise_by_it() -> None:
    score = np.zeros((50, 2))
    score[10] = 4, 1
    out = held(score, 20)
    assert (np.diff(out[10:], axis=0) < 0).all()
    assert out[30] == pytest.approx(score[10] / np.e)
    assert np.array_equal(held(score, 0), score)
