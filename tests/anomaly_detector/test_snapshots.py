"""A query that is stopped, killed or out of disk: what the next start goes on from."""

from pathlib import Path

from anomaly_detector.state import snapshot_path
from tests.fakes.detector_plans import plan
from tests.fakes.detector_query import NOW_S, SMALL, Query, noise
from tests.fakes.prom_api import FakePromApi


class Kept:
    """Runs of one query with the same state folder, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.plan = plan("expr: up, step: 60s", models=SMALL, settings=f"{{state_dir: {folder}, snapshot_every: 5m}}")
        self.path = snapshot_path(folder, "q")

    def start(self, now_s: float) -> Query:
        return Query(FakePromApi(now_s, a=noise), the_plan=self.plan)


def test_a_restart_goes_on_from_the_snapshot_without_history(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    first = kept.start(NOW_S)
    first.cycle()
    first.end()
    assert first.api.closed
    second = kept.start(NOW_S + 600)
    second.cycle()
    assert [len(times) for times in second.api.asked] == [10]
    assert second.box.times() == [NOW_S - 5 + 60 * number for number in range(1, 11)]


def test_snapshots_are_written_while_it_runs(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    query = kept.start(NOW_S)
    query.cycle()
    assert not kept.path.exists()
    query.cycle(after_s=300)
    assert kept.path.exists()


def test_what_an_earlier_run_has_written_is_not_written_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    first = kept.start(NOW_S)
    first.cycle()
    first.end()
    crashed = kept.start(NOW_S + 600)  # the snapshot is ten minutes old, the last score four
    crashed.api.written_s = NOW_S + 355
    crashed.cycle()
    assert crashed.box.times() == [NOW_S - 5 + 60 * number for number in range(7, 11)]


def test_a_damaged_snapshot_means_learning_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.path.write_bytes(b"PK\x03\x04 nonsense")
    query = kept.start(NOW_S)
    query.cycle()
    assert len(query.api.asked[1]) > 2 * 1440  # two days of history
    assert query.runner.trouble == ""


def test_a_snapshot_from_the_server_s_future_is_not_used(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    first = kept.start(NOW_S + 86_400)
    first.cycle()
    first.end()
    second = kept.start(NOW_S)
    second.cycle()
    assert second.box.times() == [NOW_S - 5]


def test_a_full_disk_costs_the_snapshot_only(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.path.with_name(".q.npz.tmp").symlink_to("/dev/full")
    query = kept.start(NOW_S)
    query.cycle()
    query.cycle(after_s=300)
    assert query.runner.trouble == ""
    assert (
        query.registry.get_sample_value("heronwatch_detector_snapshots_total", {"action": "save", "outcome": "failed"})
        == 1
    )
