"""Snapshots: what is saved comes back, what is damaged or foreign is refused, and a crash loses nothing."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomaly_detector.errors import SnapshotError
from anomaly_detector.instant import judge
from anomaly_detector.packing import pack, unpack
from anomaly_detector.query_state import QueryState
from anomaly_detector.source.matrix import Matrix
from anomaly_detector.state import Header, load, save, snapshot_path, unusable
from tests.fakes.detector_plans import plan

START_S = 1_763_700_000.0
PLAN = plan("expr: up, step: 60s", models="{m: {warmup: 5m}}")


def lived(count: int = 5, *, steps: int = 30) -> QueryState:
    """A state that has seen some series for a while, one of which was forgotten."""
    state, random = QueryState(PLAN, last_s=START_S), np.random.default_rng(1)
    keys = [msgspec.json.encode({"n": str(number), "odd": 'ü"\n'}) for number in range(count)]
    for step in range(1, steps + 1):
        live = keys[1:] if step > 3 else keys
        answer = Matrix(keys=live, times_s=np.zeros(1), values=random.normal(50, 1, (1, len(live))))
        judge(state, PLAN, state.rows(answer, max_series=99), answer.values[0], START_S + 60 * step)
    state.forget_absent(600)
    return state


def feed(state: QueryState, steps: int = 10) -> list[np.ndarray]:
    """Scores of the next instants, by series."""
    random, out = np.random.default_rng(2), []
    keys = [msgspec.json.encode({"n": str(number), "odd": 'ü"\n'}) for number in range(1, 5)]
    for step in range(1, steps + 1):
        values = random.normal(50, 3, (1, 4))
        answer = Matrix(keys=keys, times_s=np.zeros(1), values=values)
        rows = state.rows(answer, max_series=99)
        (judged,) = judge(state, PLAN, rows, values[0], START_S + 60 * (30 + step))
        by_row = dict(zip(judged.rows.tolist(), judged.verdict.contribution[0].tolist(), strict=True))
        out.append(np.array([by_row[row] for row in rows.tolist()]))
    return out


def test_a_restored_query_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    state, path = lived(), snapshot_path(tmp_path, "q")
    save(path, *pack(state, PLAN))
    restored = unpack(*load(path, fingerprint=PLAN.fingerprint), PLAN)
    assert restored.last_s == state.last_s
    assert restored.table.series == 4
    np.testing.assert_array_equal(feed(restored), feed(state))


def test_a_snapshot_holds_no_pickles(tmp_path: Path) -> None:
    path = snapshot_path(tmp_path, "q")
    save(path, *pack(lived(), PLAN))
    with np.load(path, allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind != "O" for name in stored.files)


def test_another_configuration_does_not_fit(tmp_path: Path) -> None:
    path, other = snapshot_path(tmp_path, "q"), plan("expr: down, step: 60s", models="{m: {warmup: 5m}}")
    save(path, *pack(lived(), PLAN))
    with pytest.raises(SnapshotError, match="of another configuration"):
        load(path, fingerprint=other.fingerprint)


@pytest.mark.parametrize(
    ("query", "models", "settings", "same"),
    [
        ("expr: up, step: 60s", "{m: {warmup: 5m}}", "{}", True),
        ("expr: up, step: 60s, page: true, provide_series: [anomaly_score, yhat]", "{m: {warmup: 5m}}", "{}", True),
        ("expr: up, step: 60s", "{m: {warmup: 5m, fit_window: 1d}}", "{max_series: 7}", True),
        ("expr: up, step: 30s", "{m: {warmup: 5m}}", "{}", False),
        ("expr: up, step: 60s", "{m: {warmup: 6m}}", "{}", False),
        ("expr: up, step: 60s", "{n: {warmup: 5m}}", "{}", False),
        ("expr: up, step: 60s", "{m: {warmup: 5m}}", "{timezone: Europe/Berlin}", False),
    ],
)
def test_what_a_snapshot_depends_on(query: str, models: str, settings: str, same: bool) -> None:
    assert (plan(query, models=models, settings=settings).fingerprint == PLAN.fingerprint) is same


def test_an_older_format_is_refused(tmp_path: Path) -> None:
    header, arrays = pack(lived(), PLAN)
    save(tmp_path / "q.npz", msgspec.structs.replace(header, format=0), arrays)
    with pytest.raises(SnapshotError, match="has format 0, this version reads 1"):
        load(tmp_path / "q.npz", fingerprint=PLAN.fingerprint)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_snapshot_is_refused_or_whole(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "q.npz"
    save(path, *pack(lived(steps=5), PLAN))
    body = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del body[data.draw(st.integers(0, len(body) - 1)) :]
    else:
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(body)
    try:
        state = unpack(*load(path, fingerprint=PLAN.fingerprint), PLAN)
    except SnapshotError:
        return
    assert state.table.series == 5


@pytest.mark.parametrize("missing", ["seen_s", "m/state/profile", "m/warming"])
def test_a_missing_array_is_refused(missing: str) -> None:
    header, arrays = pack(lived(), PLAN)
    with pytest.raises(SnapshotError, match=missing):
        unpack(header, {name: array for name, array in arrays.items() if name != missing}, PLAN)


def test_an_array_of_another_length_is_refused() -> None:
    header, arrays = pack(lived(), PLAN)
    with pytest.raises(SnapshotError, match="seen_s"):
        unpack(header, {**arrays, "seen_s": arrays["seen_s"][:-1]}, PLAN)


def test_a_series_twice_is_refused() -> None:
    header, arrays = pack(lived(), PLAN)
    twice = msgspec.structs.replace(header, series=[header.series[0]] * len(header.series))
    with pytest.raises(SnapshotError, match="not distinct"):
        unpack(twice, arrays, PLAN)


def test_a_write_that_fails_leaves_the_old_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "q.npz"
    save(path, *pack(lived(), PLAN))
    before = path.read_bytes()
    path.with_name(".q.npz.tmp").symlink_to("/dev/full")
    with pytest.raises(SnapshotError, match="No space left on device"):
        save(path, *pack(lived(steps=9), PLAN))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["q.npz"]


def test_a_folder_that_cannot_be_used_costs_the_snapshot_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / ".q.npz.tmp").mkdir()
    for path in (snapshot_path(tmp_path / "file", "q"), snapshot_path(tmp_path, "q")):
        with pytest.raises(SnapshotError):
            save(path, *pack(lived(), PLAN))


def test_a_folder_is_looked_at_and_not_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert unusable(tmp_path / "a" / "b") == ""
    assert not (tmp_path / "a").exists()
    assert unusable(tmp_path / "a" / "b", make=True) == ""
    assert (tmp_path / "a" / "b").is_dir()
    assert unusable(tmp_path / "file" / "b") == f"{tmp_path / 'file'} is no folder"
    assert unusable(tmp_path / "file" / "b", make=True) == "Not a directory"


def test_a_temporary_file_of_a_crash_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "q.npz"
    path.with_name(".q.npz.tmp").write_bytes(b"half a snap")
    save(path, *pack(lived(), PLAN))
    assert unpack(*load(path, fingerprint=PLAN.fingerprint), PLAN).table.series == 4


def test_no_snapshot_yet(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="does not exist"):
        load(tmp_path / "q.npz", fingerprint="x")


def test_header_says_what_it_is_of() -> None:
    header, _ = pack(lived(), PLAN)
    assert isinstance(header, Header)
    assert header.series[0] == [("n", "1"), ("odd", 'ü"\n')]
