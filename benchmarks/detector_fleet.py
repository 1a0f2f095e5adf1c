"""False notifications of a whole fleet a week, and the faults found: docs/detector/fleet-benchmark.md.

    python -m benchmarks.detector_fleet --devices 800 --seed 1

The full size takes half an hour of one core; `--devices 80` a tenth of it. `--keep FILE` stores what the models
and the peers said about the series, and takes it from there the next time: only the roll-up is done again.
"""

import argparse
import sys
import time
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.scoring.budget import BUDGET_PER_1000, threshold
from anomaly_detector.scoring.rollup import RollUp
from benchmarks.detector_fleet_notice import Outcome, judge_notices, notices, with_as_many_false
from benchmarks.detector_fleet_peers import adaptive, static, worst
from benchmarks.detector_fleet_plan import DAY_S, KINDS, QUERIES, Fleet, faults, muted, site_of
from benchmarks.detector_fleet_run import FIT_DAYS, Block, blocks, query_plans, signs_of
from benchmarks.report import report

BLOCK_DEVICES = 400
PEERS = ("promql_anomaly_detection", "static")


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What is said after the fit: signs (instants, query, sign, device), peers' numbers (peer, instants, device)."""

    signs: np.ndarray
    there: Mask
    peers: np.ndarray


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=800)
    parser.add_argument("--faults", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="store what is said about the series here, or take it from here")
    parser.add_argument("--list", action="store_true", help="list every false notification and every fault missed")
    arguments = parser.parse_args()
    fleet = Fleet(devices=arguments.devices, seed=arguments.seed, faults=arguments.faults)
    said = kept(fleet, arguments.keep)
    times_s, quiet = after_fit(fleet)
    score = rolled_up(fleet, said, times_s, quiet)
    ours = outcome(fleet, score, times_s, 1.0)
    peers = {name: peer_outcome(fleet, said.peers[place], times_s, len(ours.false)) for place, name in enumerate(PEERS)}
    show(fleet, ours, peers)
    if arguments.list:
        list_mistakes(fleet, ours)


def kept(fleet: Fleet, path: Path | None) -> Said:
    """Return what is said about the series, from the file if there is one."""
    if path is not None and path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return Said(signs=stored["signs"], there=stored["there"], peers=stored["peers"])
    began, parts = time.monotonic(), []
    for block in blocks(fleet, BLOCK_DEVICES):
        parts.append(said_about(fleet, block))
        print(f"{block.devices.stop} devices, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    said = Said(**{name: np.concatenate([getattr(one, name) for one in parts], -1) for name in Said.__struct_fields__})
    if path is not None:
        np.savez(path, allow_pickle=False, **{name: getattr(said, name) for name in Said.__struct_fields__})
    return said


def said_about(fleet: Fleet, block: Block) -> Said:
    """Judge one block of devices by the models and by the peers."""
    _, quiet = after_fit(fleet)
    quiet = quiet[:, [site_of(one) for one in block.devices]]
    fitted = round(FIT_DAYS * DAY_S / fleet.step_s)
    signs, there, peers = [], [], np.zeros((len(PEERS), *quiet.shape), np.float32)
    for plan in query_plans(fleet).values():
        one, has = signs_of(fleet, block, plan)
        signs.append(one.astype(np.float16))
        there.append(has)
        values = block.of(plan.alias)
        both = adaptive(values, fleet.step_s, plan.rules), static(values, fitted, plan.rules)
        for place, deviation in enumerate(both):
            peers[place, 1:] = np.maximum(peers[place, 1:], worst(deviation[fitted:], len(block.devices), quiet))
    return Said(signs=np.stack(signs, axis=1), there=np.stack(there, axis=1), peers=peers)


def after_fit(fleet: Fleet) -> tuple[F64, Mask]:
    """Return the instants after the fit, and where maintenance is announced then: (instants, sites)."""
    times_s = fleet.times_s[round(FIT_DAYS * DAY_S / fleet.step_s) :]
    return times_s, muted(fleet, times_s)


def rolled_up(fleet: Fleet, said: Said, times_s: F64, quiet: Mask) -> F32:
    """Return the score of each device, then of each site: (instants, devices and sites); that of the worst query."""
    site = np.array([site_of(one) for one in range(fleet.devices)])
    score = np.zeros((len(quiet), fleet.devices + fleet.sites), np.float32)
    for query in range(len(QUERIES)):
        limit = threshold(BUDGET_PER_1000, len(QUERIES))
        roll_up = RollUp(site, fleet.sites, step_s=fleet.step_s, threshold=limit)
        there = said.there[:, query] & ~quiet[:, site]
        for instant, signs in enumerate(said.signs[:, query]):
            rolled = roll_up.at(signs.astype(np.float32), there[instant], float(times_s[instant]))
            both = np.concatenate((rolled.group, np.where(quiet[instant], np.float32(0), rolled.site)))
            np.maximum(score[instant], both, out=score[instant])
    return score


def budget(fleet: Fleet) -> float:
    """Return how many notifications a week the fleet may have."""
    return BUDGET_PER_1000 * fleet.devices / 1000


def outcome(fleet: Fleet, score: F32, times_s: F64, limit: float) -> Outcome:
    """Return what notifications at a threshold are worth over the judged span."""
    first = len(times_s) - round(fleet.judged_days * DAY_S / fleet.step_s)
    return judge_notices(notices(score[first:] > limit, times_s[first:], fleet.devices), faults(fleet))


def peer_outcome(fleet: Fleet, numbers: F32, times_s: F64, false: int) -> Outcome:
    """Return a peer's outcome at the threshold where it sends at most so many false notifications."""
    ordered = np.unique(numbers)[-200_000:]  # of all values the highest: the threshold is one of them
    places = with_as_many_false(
        lambda place: outcome(fleet, numbers, times_s, float(ordered[round(place)])), false, float(len(ordered) - 1)
    )
    return places[1]


def show(fleet: Fleet, ours: Outcome, peers: dict[str, Outcome]) -> None:
    """Print the table and the last line."""
    everyone = {"heronwatch": ours, **peers}
    weeks = fleet.judged_days / 7
    rows = [
        [
            name,
            len(one.false) / weeks,
            len(one.found),
            median(one),
            *(sum(fault.kind == kind for fault in one.found) for kind in KINDS),
        ]
        for name, one in everyone.items()
    ]
    figures: dict[str, float] = {"devices": fleet.devices, "seed": fleet.seed, "faults": fleet.faults}
    for name, one in everyone.items():
        prefix = "" if name == "heronwatch" else f"{name}_"
        figures[f"{prefix}false_notifications_per_week"] = len(one.false) / weeks
        figures[f"{prefix}faults_found"] = len(one.found)
        figures[f"{prefix}minutes_p50"] = median(one)
    figures["budget_per_week"] = budget(fleet)
    headings = ["who", "false a week", f"found of {fleet.faults}", "minutes p50", *KINDS]
    report("detector_fleet", headings, rows, figures=figures, peers={"numpy": version("numpy")})


def median(one: Outcome) -> float:
    """Return the median of the minutes until a fault was found; -1 when none was."""
    return round(float(np.median(one.minutes)), 1) if one.minutes else -1.0


def list_mistakes(fleet: Fleet, ours: Outcome) -> None:
    """Print what was false and what was missed, for people."""
    start_s = after_fit(fleet)[0][0]
    for notice in ours.false:
        print(f"false  day {(notice.start_s - start_s) / DAY_S:.2f} devices {notice.devices}", file=sys.stderr)
    for fault in faults(fleet):
        if fault not in ours.found:
            print(f"missed {fault.kind} of {fault.device}, size {fault.size:.2f}", file=sys.stderr)


if __name__ == "__main__":
    main()
