"""Shards: every series has one owner, a new shard takes its share and nothing else moves, a host stays together."""

import json

import numpy as np
import pytest

from anomaly_detector.errors import ResponseTooLargeError
from anomaly_detector.query_state import QueryState
from anomaly_detector.sharding import Shard, belongs, series_hash
from anomaly_detector.sink.series import Identity, output_labels
from anomaly_detector.source.opening import keep_own, ownership
from anomaly_detector.source.sharded import Ownership, ShardedSource
from heronwatch.errors import ConfigError
from tests.fakes.detector_plans import plan
from tests.fakes.prom_api import FakePromApi

NOW_S = 1_763_700_000.0
SERIES = 4000
HASHES = np.array([series_hash({"n": str(number)}) for number in range(SERIES)], np.uint64)


def owner(count: int) -> np.ndarray:
    owned = np.array([belongs(HASHES, count=count, number=number) for number in range(count)])
    assert (owned.sum(axis=0) == 1).all()
    return owned.argmax(axis=0)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_one_shard_more_takes_its_share_and_nothing_moves_between_the_others(count: int) -> None:
    before, after = owner(count), owner(count + 1)
    moved = before != after
    assert (after[moved] == count).all()
    assert moved.mean() == pytest.approx(1 / (count + 1), rel=0.15)
    assert np.bincount(after).min() > 0.8 * SERIES / (count + 1)


def test_the_hash_is_the_same_in_every_process() -> None:
    assert series_hash({"instance": "sw1", "ifName": "ge-0/0/0"}) == 838367651885989349


@pytest.mark.parametrize("labels", [{"n": "1"}, {"n": "1", "for": "x"}, {"n": "1", "page": "y", "job": "z"}])
def test_what_we_write_about_a_series_belongs_to_its_shard(labels: dict[str, str]) -> None:
    written = dict(output_labels(labels, Identity("q", "m", page=True)))
    assert series_hash(written) == series_hash({"__name__": "up", **labels})


def source(api: FakePromApi, shard: Shard, query: str = "expr: up, step: 60s") -> ShardedSource:
    return ShardedSource(api, Ownership(shard, plan(query).query))  # type: ignore[arg-type]  # the fake offers what is used


def seen(api: FakePromApi, shard: Shard, *, max_series: int = 1000) -> set[bytes]:
    answer = source(api, shard).query_range("up", np.array([NOW_S]), step_s=60.0, max_series=max_series)
    assert answer.values.shape == (1, len(answer.keys))
    return set(answer.keys)


def test_shards_share_out_the_answer() -> None:
    api = FakePromApi(NOW_S, **{f"s{number}": lambda _time_s: 1.0 for number in range(100)})
    parts = [seen(api, Shard(count=3, number=number)) for number in range(3)]
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == 100
    assert min(len(part) for part in parts) > 15


def test_the_budget_is_that_of_the_shard() -> None:
    api = FakePromApi(NOW_S, **{f"s{number}": lambda _time_s: 1.0 for number in range(100)})
    assert 30 < len(seen(api, Shard(count=2, number=0), max_series=70)) < 70
    with pytest.raises(ResponseTooLargeError, match=r"series of this shard, the budget is 30: .* use more shards"):
        seen(api, Shard(count=2, number=0), max_series=30)


def test_series_of_one_host_stay_together() -> None:
    labels = [{"instance": f"h{number % 20}", "n": str(number)} for number in range(200)]
    owned = Ownership(Shard(count=4, number=1, by=("instance",)), plan().query).of(labels)
    hosts = {one["instance"]: bool(mine) for one, mine in zip(labels, owned, strict=True)}
    assert all(hosts[one["instance"]] == bool(mine) for one, mine in zip(labels, owned, strict=True))
    assert 0 < sum(hosts.values()) < 20


def test_a_device_is_never_parted_where_devices_are_rolled_up() -> None:
    labels = [{"instance": f"h{number % 20}", "n": str(number)} for number in range(200)]
    for shard in (Shard(count=4, number=1), Shard(count=4, number=1, by=("site",))):  # it has no site
        mine = Ownership(shard, plan().query, "instance").of(labels)
        assert len({(one["instance"], bool(own)) for one, own in zip(labels, mine, strict=True)}) == 20
        assert 0 < mine.sum() < 200
    assert ownership(plan(settings="{shard: {count: 2, number: 0}}")).device == "instance"  # type: ignore[union-attr]


def test_a_shard_by_what_parts_devices_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"settings.shard.by\[0\]: 'ifName' would part the series of a device"):
        plan(settings="{shard: {count: 2, number: 0, by: [ifName]}}")


def test_a_restarted_pod_stays_in_its_shard() -> None:
    query = plan("expr: up, step: 60s, drop_labels: [pod]").query
    pods = [{"app": "web", "pod": str(number)} for number in range(50)]
    assert len(set(Ownership(Shard(count=5, number=2), query).of(pods).tolist())) == 1


def test_what_another_shard_has_now_is_forgotten_without_an_end() -> None:
    the_plan = plan(settings="{shard: {count: 2, number: 0}}")
    state = QueryState(the_plan, last_s=NOW_S)
    state.table.extend([(("n", str(number)),) for number in range(50)])
    state.make_room()
    state.live[:50] = True
    keep_own(state, the_plan)
    kept = [labels for labels in state.table.labels if labels]
    assert 10 < len(kept) < 40
    assert state.live[:50].sum() == len(kept)
    assert Ownership(Shard(count=2, number=0), the_plan.query).of([dict(one) for one in kept]).all()


def test_the_newest_score_is_that_of_our_series() -> None:
    written = {f"s{number}": 100.0 + number for number in range(30)}
    api = FakePromApi(NOW_S, **{name: (lambda _time_s, at=at: at) for name, at in written.items()})
    shard = Shard(count=3, number=0)
    own = {json.loads(key)["n"] for key in seen(api, shard)}
    assert source(api, shard).newest_score("q") == max(written[name] for name in own) != max(written.values())
    assert source(FakePromApi(NOW_S), shard).newest_score("q") == 0.0
