"""What would have been notified: devices, sites, series that nobody speaks for; and what was found of incidents."""

import numpy as np
import pytest

from anomaly_detector.backtest.alarms import SENSITIVITIES, Alarm
from anomaly_detector.backtest.block import LaneResult
from anomaly_detector.backtest.incidents import found_at, spans_of
from anomaly_detector.backtest.notices import about, curve, judged_against, notices
from anomaly_detector.backtest.rolled import Notice, Rolled, rolled
from anomaly_detector.backtest.tape import Tape
from anomaly_detector.grouping.blocks import GroupPlan, Groups, Share
from anomaly_detector.models.model import F32
from anomaly_detector.scoring.groups import FALL, RISE, SIGNS
from anomaly_detector.scoring.learning import Instant, Pause
from anomaly_detector.scoring.rollup import DAY_S, RollUp
from heronwatch.go_regex import AnchoredRegex

STEP_S = 1800.0
PER_DAY = round(DAY_S / STEP_S)
START_S = 20_000 * DAY_S
FROM_S = START_S + 5 * DAY_S
DEVICES = 30
PLAN = GroupPlan(groups=Groups(), share=Share(team="everyone", per_week=2.0, queries=1))


def alarm(begins: float, host: str = "sw1", query: str = "q") -> Alarm:
    labels = (("instance", host),)
    return Alarm(query=query, model="m", labels=labels, host=host, begins=begins, ends=begins + 300, peak=2.0)


def notice(begins: float, host: str = "sw1", kind: str = "device") -> Notice:
    return Notice(query="q", kind=kind, name=host, begins=begins, ends=begins + 300, peak=2.0)


def incident(begins: float, ends: float, host: str = "sw1") -> Pause:
    return Pause(begins=Instant(begins), to=Instant(ends), match={"instance": AnchoredRegex(host)})


SERIES = [(("instance", host), ("site", "attic")) for host in ("sw1", "sw2")]
ABOUT = {who: [labels] for who, labels in about(SERIES, "q", device="instance", site="site")}


def test_precision_and_recall() -> None:
    told = [notice(1000), notice(50_000), notice(1000, "sw2")]
    judged = judged_against(told, [incident(900, 2000), incident(80_000, 90_000)], ABOUT)
    assert (judged.notifications, judged.true, judged.incidents, judged.found) == (3, 1, 2, 1)
    assert (judged.precision, judged.recall) == (pytest.approx(1 / 3), 0.5)
    assert judged.delays_s == (100.0,)
    assert [one.begins for one in judged.missed] == [80_000]


def test_a_site_is_about_its_series() -> None:
    assert judged_against([notice(950, "attic", "site")], [incident(900, 2000, "sw2")], ABOUT).found == 1


def test_what_was_there_before_finds_at_once() -> None:
    assert judged_against([notice(800)], [incident(900, 2000)], ABOUT).delays_s == (0.0,)


def test_nothing_is_neither_precise_nor_not() -> None:
    told = judged_against([], [], {})
    assert (told.precision, told.recall) == (None, None)


def test_series_speak_only_for_devices_that_are_not_known() -> None:
    known = Rolled(
        query="q",
        notices=[notice(500)],
        counts=np.zeros(len(SENSITIVITIES), np.intp),
        known_s={"sw1": 2000.0, "sw2": np.inf},
        judged=0.5,
    )
    alarms = [alarm(1000), alarm(1100), alarm(3000), alarm(9000, "sw2"), alarm(3000, query="other")]
    told = notices(alarms, {"q": known}, apart_s=600.0)
    assert [(one.kind, one.query, one.name, one.begins) for one in told] == [
        ("device", "q", "sw1", 500),
        ("series", "q", "sw1", 1000),
        ("series", "other", "sw1", 3000),
        ("series", "q", "sw2", 9000),
    ]


def test_what_grows_into_a_true_one_counts_on() -> None:
    counts = np.zeros(len(SENSITIVITIES), np.intp)
    counts[5:20] = 3  # and at a higher sensitivity all of it is one with the incident
    known = Rolled(query="q", notices=[], counts=counts, known_s={}, judged=1.0)
    assert curve([], {"q": known}, apart_s=600.0).counts.tolist() == counts.tolist()
    assert curve([], {"q": known}, apart_s=600.0, spans={}).counts.tolist() == [0] * 5 + [3] * (len(counts) - 5)


def signs(loud: dict[int, float]) -> F32:
    """Eight quiet days of all devices; those in `loud` are not on the seventh day."""
    out = np.random.default_rng(5).exponential(0.2, (8 * PER_DAY, len(SIGNS), DEVICES)).astype(np.float32)
    out[:, [FALL, RISE]] *= 0.1  # squares of jumps, which quiet days have next to none of
    for device, size in loud.items():
        out[6 * PER_DAY + 10 : 6 * PER_DAY + 16, :, device] = size
    return out


def tapes(every: F32, limit: F32 | None = None) -> list[Tape]:
    """In two blocks; every third device stands in the attic. `limit` (instant, device): what outside of one scores."""
    limit = np.zeros(every[:, 0].shape, np.float32) if limit is None else limit
    every = np.concatenate((every, np.where(np.isfinite(every[:, 0]), limit, np.nan)[:, None]), axis=1)
    names = [(f"sw{number}", "attic" if number % 3 == 0 else "") for number in range(DEVICES)]
    cut = DEVICES // 2
    return [
        Tape(query="q", first_s=START_S, step_s=STEP_S, devices=names[part], signs=every[:, :, part])
        for part in (slice(0, cut), slice(cut, DEVICES))
    ]


def test_blocks_rolled_up_say_what_the_service_says() -> None:
    every = signs({7: 60.0})
    found = rolled(tapes(every), PLAN, from_s=FROM_S, apart_s=3600.0)
    assert [(one.kind, one.name) for one in found.notices] == [("device", "sw7")]
    site = np.array([0 if number % 3 == 0 else -1 for number in range(DEVICES)])
    live = RollUp(site, 1, step_s=STEP_S, threshold=PLAN.threshold)
    peak = 0.0
    for place, one in enumerate(every):
        said = live.at(one, np.ones(DEVICES, bool), START_S + place * STEP_S)
        peak = max(peak, float(said.group.max()) if place >= 5 * PER_DAY else 0.0)
    assert found.notices[0].peak == pytest.approx(peak)
    assert found.notices[0].begins == pytest.approx(START_S + (6 * PER_DAY + 10) * STEP_S, abs=STEP_S)
    assert found.counts[SENSITIVITIES.tolist().index(1.0)] == 1
    assert (np.diff(found.counts) >= 0).all()
    assert found.judged == 1.0
    assert set(found.known_s.values()) == {FROM_S}


def test_a_broken_limit_is_notified_of_whatever_the_sensitivity() -> None:
    """Also of a device whose site speaks, and of one that is not known yet, whose series are silent meanwhile."""
    limit = np.zeros((8 * PER_DAY, DEVICES), np.float32)
    limit[PER_DAY : PER_DAY + 2, 5] = limit[6 * PER_DAY + 12 : 6 * PER_DAY + 14, 9] = 1.01
    every = signs({0: 60.0, 3: 60.0, 6: 60.0})
    without = rolled(tapes(every), PLAN, from_s=START_S, apart_s=3600.0)
    found = rolled(tapes(every, limit), PLAN, from_s=START_S, apart_s=3600.0)
    new = [one for one in found.notices if one not in without.notices]
    early_s, late_s = START_S + DAY_S, START_S + 6 * DAY_S + 12 * STEP_S
    assert [(one.name, one.begins, one.ends) for one in new] == [
        ("sw5", early_s, early_s + 2 * STEP_S),
        ("sw9", late_s, late_s + 2 * STEP_S),
    ]
    assert [one.peak for one in new] == [pytest.approx(1.01)] * 2
    assert (found.counts - without.counts).tolist() == [2] * len(SENSITIVITIES)
    alarms = [alarm(early_s, "sw5"), alarm(early_s + 2 * STEP_S, "sw5"), alarm(early_s, "sw6")]
    loose = [one for one in notices(alarms, {"q": found}, apart_s=600.0) if one.kind == "series"]
    assert [(one.name, one.begins) for one in loose] == [("sw6", early_s), ("sw5", early_s + 2 * STEP_S)]


def test_true_notifications_count_at_no_sensitivity() -> None:
    fault_s = START_S + (6 * PER_DAY + 10) * STEP_S
    who = {("q", "device", "sw7"): [(("instance", "sw7"),)], ("q", "device", "sw8"): [(("instance", "sw8"),)]}
    known = spans_of([incident(fault_s, fault_s + 7200, "sw7")], who)
    every = rolled(tapes(signs({7: 60.0})), PLAN, from_s=FROM_S, apart_s=3600.0)
    false = rolled(tapes(signs({7: 60.0})), PLAN, from_s=FROM_S, apart_s=3600.0, spans=known)
    at_one = SENSITIVITIES.tolist().index(1.0)
    assert (every.counts[at_one], false.counts[at_one]) == (1, 0)
    assert false.notices == every.notices
    other = spans_of([incident(fault_s, fault_s + 7200, "sw8")], who)
    assert rolled(tapes(signs({7: 60.0})), PLAN, from_s=FROM_S, apart_s=3600.0, spans=other).counts[at_one] == 1


def test_a_fault_is_found_from_the_sensitivity_on_at_which_its_device_alarms() -> None:
    fault_s = START_S + (6 * PER_DAY + 10) * STEP_S
    incidents = [incident(fault_s, fault_s + 7200, "sw7"), incident(fault_s, fault_s + 7200, "sw8")]
    who = {("q", "device", name): [(("instance", name),)] for name in ("sw7", "sw8")}
    spans = spans_of(incidents, who)
    one = rolled(tapes(signs({7: 8.0})), PLAN, from_s=FROM_S, apart_s=3600.0, spans=spans)
    told = curve([], {"q": one}, apart_s=3600.0, spans=spans)
    found = np.array(found_at(incidents, who, told.met))
    alarms = SENSITIVITIES.astype(np.float32) * one.highest["device", "sw7", fault_s, fault_s + 7200] > 1
    quiet = SENSITIVITIES.astype(np.float32) * one.highest["device", "sw8", fault_s, fault_s + 7200] > 1
    assert 0 < alarms.sum() < len(alarms)
    assert found.tolist() == (alarms.astype(int) + quiet.astype(int)).tolist()


def test_series_find_too_while_nobody_speaks_for_them() -> None:
    at_once = SENSITIVITIES.tolist().index(1.0)
    begins = [np.array([1000.0, 2400.0]) if place >= at_once else np.zeros(0) for place in range(len(SENSITIVITIES))]
    lane = LaneResult(
        query="q",
        model="m",
        series=1,
        scored=1,
        warming=0,
        alarms=[],
        hosts=[["sw1"] * len(one) for one in begins],
        begins_s=begins,
        ends_s=[one + 300 for one in begins],
        traces=[],
    )
    known = [incident(1500, 2000), incident(900, 2000, "sw2")]  # the first between two alarms that are one notification
    told = curve([lane], {}, apart_s=1800.0, spans=spans_of(known, ABOUT))
    assert found_at(known, ABOUT, told.met) == [0] * at_once + [1] * (len(SENSITIVITIES) - at_once)
    assert told.counts.max() == 0


def test_what_devices_of_a_site_show_together_is_one_notification() -> None:
    found = rolled(tapes(signs({0: 60.0, 3: 60.0, 6: 60.0})), PLAN, from_s=FROM_S, apart_s=3600.0)
    sites = [one for one in found.notices if one.kind == "site"]
    assert [one.name for one in sites] == ["attic"]
    meanwhile = [one for one in found.notices if one.kind == "device" and one.begins < sites[0].ends]
    assert len(meanwhile) < 3  # those who were above 1 before the third
    assert all(one.ends <= sites[0].begins + STEP_S for one in meanwhile)


def test_devices_without_a_past_are_known_later_and_those_let_be_never() -> None:
    every = signs({7: 60.0})
    every[:, :, 4] = np.nan
    found = rolled(tapes(every), PLAN, from_s=START_S, apart_s=3600.0)
    assert found.known_s["sw4"] == np.inf
    assert found.known_s["sw5"] == START_S + 3 * DAY_S
    assert found.judged == pytest.approx(5 / 8)
