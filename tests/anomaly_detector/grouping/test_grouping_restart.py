"""A restart in the middle of a device's trouble: it goes on as if there had been none."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anomaly_detector.circumstances import Circumstances
from anomaly_detector.grouping.keeping import MOMENT, SEEN
from anomaly_detector.grouping.names import GROUP
from anomaly_detector.plan import QueryPlan
from anomaly_detector.state import Arrays
from tests.anomaly_detector.grouping.test_grouping_estimate import NOW_S, life
from tests.anomaly_detector.grouping.test_grouping_rehearsing import STEP_S, cycled_until_told, watched
from tests.fakes.detector_query import Query
from tests.fakes.prom_api import FakePromApi, Series

HURT, TROUBLE_S = "sw3", NOW_S + 6 * STEP_S
CALM = {f"sw{seed}": life(seed) for seed in range(24)}


def hurt(time_s: float) -> float:
    """Return a value that jumps and then rises a little with each step, once the trouble has begun."""
    since = (time_s - TROUBLE_S) / STEP_S
    return (life(3)(time_s) or 0.0) + (12 + 2 * since if since >= 0 else 0.0)


def plan(folder: Path) -> QueryPlan:
    return watched(settings=f"{{state_dir: {folder}}}")


def query(folder: Path, now_s: float, past: Callable[[], FakePromApi] | None = None) -> Query:
    series: dict[str, Series] = {**CALM, HURT: hurt}
    return Query(FakePromApi(now_s, **series), the_plan=plan(folder), wants_pages=True, given=Circumstances(past=past))


def scores(one: Query) -> dict[str, float]:
    pages = [page for page in one.runner.pages if page.name == GROUP]
    return {line: score for page in pages for line, score in zip(page.lines, page.values.tolist(), strict=True)}


def score_of(one: Query) -> float:
    return next(score for line, score in scores(one).items() if f'"{HURT}"' in line)


class Interrupted:
    """A run that goes on, and what was on the disk in the middle of the trouble."""

    def __init__(self, folder: Path) -> None:
        self.kept, self.before = folder / "kept", []
        one = query(folder / "live", NOW_S, lambda: FakePromApi(NOW_S, **CALM))
        one.cycle()
        cycled_until_told(one)
        while score_of(one) <= 1:
            one.cycle(after_s=STEP_S)
        one.cycle(after_s=STEP_S)
        shutil.copytree(folder / "live", self.kept)  # what kill -9 leaves
        self.killed_s = one.api.now_s
        self.later = []
        for _ in range(5):
            one.cycle(after_s=STEP_S)
            self.later.append(scores(one))
        one.end()

    def again(self, folder: Path) -> Query:
        shutil.copytree(self.kept, folder)
        return query(folder, self.killed_s)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    return Interrupted(tmp_path_factory.mktemp("restart"))


def test_every_device_has_the_score_that_it_would_have_had(run: Interrupted, tmp_path: Path) -> None:
    one = run.again(tmp_path / "again")
    for expected in run.later:
        one.cycle(after_s=STEP_S)
        assert scores(one) == expected
    assert max(run.later[-1].values()) > 1  # the trouble lasts: neither lost nor begun anew


def test_what_was_missed_is_played(run: Interrupted, tmp_path: Path) -> None:
    one = run.again(tmp_path / "again")
    one.cycle(after_s=5 * STEP_S)
    assert scores(one) == run.later[-1]


def test_an_instant_that_is_in_the_file_already_counts_once(run: Interrupted, tmp_path: Path) -> None:
    """The snapshot of the query is older than that of its devices, as it was not written the last time."""
    folder = tmp_path / "again"
    one = run.again(folder)
    one.cycle(after_s=STEP_S)
    shutil.copy(folder / "q.npz", tmp_path)
    one.cycle(after_s=STEP_S)
    shutil.copy(tmp_path / "q.npz", folder)
    other = query(folder, one.api.now_s)
    other.cycle(after_s=3 * STEP_S)
    assert scores(other) == run.later[-1]


def edited(path: Path, edit: Callable[[dict[str, np.ndarray]], Arrays]) -> None:
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez(path, allow_pickle=False, **edit(arrays))


def old(arrays: Arrays) -> Arrays:
    return {name: one for name, one in arrays.items() if not name.startswith(MOMENT) and name != SEEN}


def of_other_signs(arrays: Arrays) -> Arrays:
    return {**arrays, f"{MOMENT}version": np.frombuffer(b"2 top breadth", np.uint8)}


def with_a_row_too_few(arrays: Arrays) -> Arrays:
    return {**arrays, f"{MOMENT}signs/wide": arrays[f"{MOMENT}signs/wide"][1:]}


@pytest.mark.parametrize("edit", [old, of_other_signs, with_a_row_too_few])
def test_a_file_without_signs_that_fit_still_says_what_days_showed(
    run: Interrupted, tmp_path: Path, edit: Callable[[Arrays], Arrays]
) -> None:
    one = run.again(tmp_path / "again")
    edited(tmp_path / "again" / "groups" / "q.npz", edit)
    other = query(tmp_path / "again", run.killed_s)
    other.cycle(after_s=STEP_S)
    assert scores(other).keys() == run.later[0].keys()
    assert scores(other) != run.later[0]
    assert one.runner._groups._groups is not None


def test_signs_of_long_ago_say_nothing(run: Interrupted, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    shutil.copytree(run.kept, folder)
    (folder / "q.npz").unlink()  # nothing is played again: the query learns from history
    one = query(folder, run.killed_s + 30 * STEP_S)
    groups = one.runner._groups._groups
    assert groups is not None
    assert groups.roll_up.spans.means.max() > 0.5
    one.cycle()
    assert (groups.roll_up.spans.away == 0).all()
    assert groups.roll_up.best_s.min() > run.killed_s


def test_who_has_followed_nothing_leaves_the_file_alone(run: Interrupted, tmp_path: Path) -> None:
    one = run.again(tmp_path / "again")
    kept = tmp_path / "again" / "groups" / "q.npz"
    before = kept.read_bytes()
    one.api.most_instants = 0  # the server is away
    one.cycle()
    one.end()
    assert kept.read_bytes() == before
