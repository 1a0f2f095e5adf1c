"""The groups of a running query: what is written about devices and sites, and what a restart remembers."""

import json
from pathlib import Path

import numpy as np

from anomaly_detector.grouping.names import GROUP, SITE, WORST
from anomaly_detector.grouping.running import RunningGroups
from anomaly_detector.instant import Judged
from anomaly_detector.models.model import Verdict
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.pca_residual import PcaResidual
from anomaly_detector.scoring.scoring import apply
from anomaly_detector.sink.series import text
from anomaly_detector.sink.wire import STALE, Batch
from anomaly_detector.source.matrix import Matrix
from tests.fakes.detector_plans import NOWHERE, config, plan

DEVICES, PORTS, STEP_S = 40, 3, 3600.0
START_S = 20_400 * 86_400.0
SERIES = [
    {"instance": f"sw-{device}", "site": f"site-{device % 2}", "ifName": f"Gi0/{port}"}
    for device in range(DEVICES)
    for port in range(PORTS)
]
KEYS = [json.dumps(labels).encode() for labels in SERIES]


class Query:
    """A query whose scores a test makes."""

    def __init__(self, watched: QueryPlan) -> None:
        self.plan = watched
        self.state = QueryState(watched, last_s=START_S)
        self.groups = RunningGroups(watched)
        self.random = np.random.default_rng(8)
        self.time_s = START_S

    def step(
        self,
        loud: dict[int, float] | None = None,
        *,
        held: str = "",
        silent: bool = True,
        values_of: dict[int, float] | None = None,
    ) -> Batch:
        """Judge an instant: quiet but for the rows in `loud`; nothing is to be learnt of the device `held`.

        Unless it is `silent` as well, it is to be scored all the same. Values are about 50, but for those `values_of`
        rows.
        """
        values = self.random.normal(50, 1, (1, len(SERIES)))
        for row, value in (values_of or {}).items():
            values[0, row] = value
        matrix = Matrix(keys=KEYS, times_s=np.array([self.time_s]), values=values)
        rows = self.state.rows(matrix, max_series=1000)
        score = self.random.exponential(0.1, len(rows)).astype(np.float32)
        for row, one in (loud or {}).items():
            score[row] = one
        numbers = np.zeros(len(rows))
        verdict = Verdict(
            score=score,
            expected=numbers,
            lower=numbers,
            upper=numbers,
            contribution=np.zeros((1, len(rows)), np.float32),
            confidence=np.ones(len(rows), np.float32),
        )
        none = np.zeros(0, np.intp)
        verdict = apply(verdict, values[0], self.plan.rules)
        said = Judged(lane="default", time_s=self.time_s, rows=rows, verdict=verdict, ended=none, warmed=none)
        still = np.array([one["instance"] == held for one in SERIES]) if held else None
        batch = self.groups.at(
            self.state, [said], rows, values[0], still, silent=None if silent else np.zeros(len(SERIES), bool)
        )
        self.time_s += STEP_S
        self.said = said
        return batch

    def live(self, days: int) -> None:
        for _ in range(days * round(86_400 / STEP_S)):
            self.step()

    def shown(self) -> dict[str, float]:
        """Return what `/scores` shows of devices, sites and worst series."""
        pages = self.groups.pages([self.said])
        return {line: value for page in pages for line, value in zip(page.lines, page.values.tolist(), strict=True)}


def watched(settings: str = "{}") -> QueryPlan:
    return plan("expr: up, step: 1h", settings=settings, budget="{per_week: 25}")  # of forty devices: one


def line(name: str, **labels: str) -> str:
    every = {"for": "q", "model_alias": "default"} | labels
    return text(name, tuple(sorted(every.items())))


def test_nothing_is_written_until_days_are_known() -> None:
    query = Query(watched())
    for _ in range(48):
        assert not len(query.step())


def test_a_device_and_a_site_have_a_score_each() -> None:
    query = Query(watched())
    query.live(5)
    assert len(query.step()) == DEVICES + 2
    assert query.shown().keys() >= {line(GROUP, instance="sw-3", site="site-1"), line(SITE, site="site-0")}
    assert max(query.shown().values()) < 1


def test_a_loud_device_is_above_1_with_its_worst_series_which_ends_with_it() -> None:
    query = Query(watched())
    query.live(5)
    for _ in range(3):
        query.step({10: 5.0, 11: 2.0})  # ports 1 and 2 of sw-3
    worst = line(WORST, instance="sw-3", site="site-1", ifName="Gi0/1")
    shown = query.shown()
    assert shown[line(GROUP, instance="sw-3", site="site-1")] > 1
    assert shown[worst] == 5.0
    assert [one for one in shown if one.startswith(WORST)] == [worst]
    for _ in range(40):
        batch = query.step()
        if worst not in query.shown():
            break
    assert len(batch) == DEVICES + 2 + 1  # the last is the stale marker
    assert STALE.tobytes() in batch.body


def test_a_site_that_speaks_names_the_worst_series_of_its_devices_that_are_loud() -> None:
    query = Query(plan("expr: up, step: 1h", budget="{per_week: 100}"))
    query.live(5)
    for _ in range(3):
        query.step({3 * device + port: 5.0 + device - port for device in (1, 3, 5) for port in range(PORTS)})
    shown = query.shown()
    assert shown[line(SITE, site="site-1")] > 1
    assert max(score(query, f"sw-{device}") for device in (1, 3, 5)) < 1
    assert {one: value for one, value in shown.items() if one.startswith(WORST)} == {
        line(WORST, instance=f"sw-{device}", site="site-1", ifName="Gi0/0"): 5.0 + device for device in (1, 3, 5)
    }


def score(query: Query, device: str = "sw-3") -> float:
    return query.shown()[line(GROUP, instance=device, site="site-1")]


def test_a_device_whose_alarm_holds_it_is_scored_on_until_it_is_well_and_does_not_alarm_anew() -> None:
    """As its alarm opens an incident, the incident is a mark, and a mark holds the device."""
    query = Query(watched())
    query.live(5)
    loud = {10: 5.0, 11: 2.0}
    query.step(loud)
    query.step(loud)
    assert score(query) > 1
    for _ in range(8):
        query.step(loud, held="sw-3")
        assert score(query) > 1
    query.step(held="sw-3")
    query.step(held="sw-3")
    assert score(query) < 1
    for _ in range(30):
        query.step()
        assert score(query) < 1


def test_a_device_that_is_held_when_it_becomes_loud_is_let_be_and_nothing_of_it_is_remembered() -> None:
    query = Query(watched())
    query.live(5)
    for _ in range(30):  # over midnight
        query.step({10: 5.0, 11: 2.0}, held="sw-3")
        assert score(query) == 0
    groups = query.groups._groups
    assert groups is not None
    place = groups.devices["sw-3"]
    assert np.isnan(groups.roll_up.highest[-1, 0, place])


def test_a_device_that_is_held_but_not_silent_is_scored_and_not_remembered() -> None:
    query = Query(watched())
    query.live(5)
    query.step()  # the day has begun
    groups = query.groups._groups
    assert groups is not None
    place = groups.devices["sw-3"]
    before = groups.roll_up.today[0, place]
    query.step({10: 5.0, 11: 2.0}, held="sw-3", silent=False)
    query.step({10: 5.0, 11: 2.0}, held="sw-3", silent=False)
    assert score(query) > 1
    assert groups.roll_up.today[0, place] == before


def test_nothing_is_remembered_of_a_device_that_is_scored_on_though_it_is_held() -> None:
    query = Query(watched())
    query.live(5)
    groups = query.groups._groups
    assert groups is not None
    place = groups.devices["sw-3"]
    query.step({10: 5.0, 11: 2.0})
    query.step({10: 5.0, 11: 2.0})
    before = groups.roll_up.today[0, place]
    for _ in range(3):
        query.step({10: 5.0, 11: 4.0, 9: 3.0}, held="sw-3")
        assert score(query) > 1
        assert groups.roll_up.today[0, place] == before


def test_a_restart_remembers_the_days(tmp_path: Path) -> None:
    before = Query(watched(f"{{state_dir: {tmp_path}}}"))
    before.live(5)
    before.groups.keep()
    after = Query(watched(f"{{state_dir: {tmp_path}}}"))
    after.time_s = before.time_s
    assert len(after.step()) == DEVICES + 2


def together(folder: Path) -> Query:
    """Return a query that looks at what the series of a device do together."""
    (pca,) = plans(
        config(
            f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {{expr: up, step: 1h}}}}}}\n"
            f"groups: {{score: pca}}\nsettings: {{state_dir: {folder}}}\n"
        )
    )
    return Query(pca)


def residual(query: Query) -> PcaResidual:
    groups = query.groups._groups
    assert groups is not None
    found = groups.signing._signs.residual
    assert found is not None
    return found


def test_what_the_series_of_a_device_do_together_is_known_after_a_restart_and_a_rehearsal(tmp_path: Path) -> None:
    before = together(tmp_path)
    before.live(2)
    before.groups.keep()
    after = together(tmp_path)
    after.time_s = before.time_s
    after.state.rows(Matrix(keys=KEYS[::-1], times_s=np.zeros(1), values=np.zeros((1, len(SERIES)))), max_series=1000)
    after.step()
    assert (residual(after).seen_s == residual(before).seen_s + STEP_S).all()
    assert np.abs(residual(after).covariance).max() > np.abs(residual(before).covariance).max() / 2 > 0
    heir = together(tmp_path / "new")
    heir.step()
    assert heir.groups._groups is not None
    assert before.groups._groups is not None
    heir.groups._groups.take_over(before.groups._groups)
    assert np.array_equal(residual(heir).covariance, residual(before).covariance)


def test_a_damaged_or_foreign_file_is_not_used(tmp_path: Path) -> None:
    before = Query(watched(f"{{state_dir: {tmp_path}}}"))
    before.live(5)
    before.groups.keep()
    kept = tmp_path / "groups" / "q.npz"
    whole = kept.read_bytes()
    for damaged in (whole[: len(whole) // 2], b""):
        kept.write_bytes(damaged)
        after = Query(watched(f"{{state_dir: {tmp_path}}}"))
        assert not len(after.step())
    kept.write_bytes(whole)
    other = Query(plan("expr: other, step: 1h", settings=f"{{state_dir: {tmp_path}}}"))
    assert not len(other.step())


def test_the_end_of_a_query_ends_all_that_was_shown() -> None:
    query = Query(watched())
    assert not len(query.groups.ending())
    query.live(5)
    query.step()
    assert len(query.groups.ending()) == DEVICES + 2


def test_series_without_the_label_of_a_device_are_no_device() -> None:
    query = Query(watched())
    query.state.rows(
        Matrix(keys=[b'{"job": "x"}'], times_s=np.array([START_S]), values=np.ones((1, 1))), max_series=1000
    )
    query.live(4)
    assert len(query.step()) == DEVICES + 2


def test_without_groups_nothing_is_done() -> None:
    (bare,) = plans(config(f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {{expr: up}}}}}}\ngroups: null\n"))
    query = Query(bare)
    query.live(4)
    assert not len(query.step())
    assert query.shown() == {}
