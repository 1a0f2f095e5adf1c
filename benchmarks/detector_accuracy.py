"""How well the detector finds labelled faults: NAB and ASD, online, fixed parameters, beside its peers in the same run.

    python -m benchmarks.detector_accuracy --nab ../shared/data/nab --asd ../shared/data/asd

Ours is the default model with its defaults, the very code that serves: fitted on what comes before the scored part
(NAB: the probation; ASD: the first 30 days), then one sample after the other. A host's score is the mean over its
series (anomaly_detector/scoring/groups.py: breadth). For NAB every stream of scores, ours and the peers', goes through
the same calibration and debouncing (benchmarks/detector_accuracy_alarms.py); a peer's better one of with and without
counts. Our score falls slowly after an alarm (`hold`). `bank without hold` is ours without, `…, held` a peer with the
same; `best_peer_…` are the best of the peers as they are, `best_held_peer_…` of those with it.
Recall counts labelled events over all series of ASD at one common threshold; peers, which have no threshold of their
own, are divided by the 99.9 % quantile of their history. `…_untuned` are the same figures over the files whose base
name has an odd CRC-32: nothing was chosen by looking at them.
"""

import argparse
import math
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from anomaly_detector.models.bank import BankOptions
from anomaly_detector.models.model import F64
from anomaly_detector.scoring.groups import SCORE_CAP, Grouped
from benchmarks.detector_accuracy_alarms import alarms, held
from benchmarks.detector_accuracy_asd import STEP_S, Host
from benchmarks.detector_accuracy_asd import read as read_asd
from benchmarks.detector_accuracy_nab import Series, standard_score
from benchmarks.detector_accuracy_nab import read as read_nab
from benchmarks.detector_accuracy_peers import PEERS, Peer
from benchmarks.detector_accuracy_ranges import auc_pr, budget, vus_pr
from benchmarks.detector_accuracy_streams import made, over_files, over_hosts
from benchmarks.report import report

OURS = "bank"
PLAIN = "bank without hold"
HELD = ", held"
TOLD = ("level", "range")  # the features that NAB's stream is made of
FIGURES = ("nab_standard", "single_vus_pr", "single_auc_pr", "host_vus_pr", "recall_at_0_2", "recall_at_0_01")
WARM = 100  # instants of history that a peer's normal size is not taken from: its start
Figures = dict[str, float]


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What one detector said: NAB's `files`, and for each host of ASD (instants, series) of the scored part."""

    files: list[F64]
    hosts: list[F64]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nab", type=Path, required=True, help="folder with data/ and labels/")
    parser.add_argument("--asd", type=Path, required=True, help="folder with one .npz for each host")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), help="which peers run beside it")
    arguments = parser.parse_args()
    try:
        files, hosts = read_nab(arguments.nab), read_asd(arguments.asd)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    tell(f"{len(files)} files of NAB, {len(hosts)} hosts of ASD")
    own = ours(files, hosts)
    measured = {OURS: figures(files, hosts, holding(own)), PLAIN: figures(files, hosts, own)}
    tell(f"{OURS} {measured[OURS]}, without hold {measured[PLAIN]}")
    missing: dict[str, str] = {}
    for name in arguments.peers:
        tell(name)
        try:
            plain = theirs(PEERS[name], files, hosts)
            measured[name] = figures(files, hosts, plain)
            measured[name + HELD] = figures(files, hosts, holding(plain))
            tell(f"{name} {measured[name]}, held {measured[name + HELD]}")
        except ModuleNotFoundError as error:
            missing[name] = f"left out: {error.name} is not installed"
            tell(f"{name} {missing[name]}")
    show(measured, missing)


def ours(files: Sequence[Series], hosts: Sequence[Host]) -> Scored:
    """Run the default model without its hold; NAB's stream is what `level` and `range` say on the mean.

    Those two only: on the even files a third stream brought nothing.
    """
    tell(f"{OURS}: ASD")
    series = over_alike(hosts, lambda values, past: over_hosts(made(OURS, hold=0), values, past, STEP_S).score[past:])
    tell(f"{OURS}: NAB")
    streams = over_files(made(OURS, hold=0), files)
    told = [made(OURS).features.index(name) for name in TOLD]
    return Scored(
        files=[alarms(one, *own.features[told]) for one, own in zip(files, streams, strict=True)], hosts=series
    )


def holding(scored: Scored) -> Scored:
    """Return hosts' scores held as the default model does; NAB's alarms are single instants and stay."""
    return msgspec.structs.replace(scored, hosts=[held(one, BankOptions().hold) for one in scored.hosts])


def theirs(peer: Peer, files: Sequence[Series], hosts: Sequence[Host]) -> Scored:
    """Run a peer; of its NAB stream as it is and as alarms the better is kept."""

    def score(values: F64, past: int) -> F64:
        scores = peer(values, past, STEP_S)
        return np.asarray(scores[past:] / np.maximum(np.quantile(scores[WARM:past], 0.999, axis=0), 1e-6))

    series = over_alike(hosts, score)
    raw = [peer(one.values[:, None], one.probation, float(np.median(np.diff(one.times_s))))[:, 0] for one in files]
    calibrated = [alarms(one, score) for one, score in zip(files, raw, strict=True)]
    better = max((raw, calibrated), key=lambda streams: standard_score(files, streams))
    return Scored(files=better, hosts=series)


def figures(files: Sequence[Series], hosts: Sequence[Host], scored: Scored) -> Figures:
    """Return every figure over all files, and `…_untuned` over the odd ones."""
    out: Figures = {}
    for suffix, chosen in (("", everything), ("_untuned", untuned)):
        places = [place for place, one in enumerate(files) if chosen(one.name)]
        nab = standard_score([files[place] for place in places], [scored.files[place] for place in places])
        kept = [place for place, one in enumerate(hosts) if chosen(one.name)]
        of_asd = asd_figures([hosts[place] for place in kept], [scored.hosts[place] for place in kept])
        out |= {f"{name}{suffix}": value for name, value in {"nab_standard": nab, **of_asd}.items()}
    return out


def asd_figures(hosts: Sequence[Host], scored: Sequence[F64]) -> Figures:
    """Return the figures of ASD; nan without a host."""
    if not hosts:
        return dict.fromkeys(FIGURES[1:], float("nan"))
    labels = [label for one in hosts for label in one.labels.T]
    scores = [score for one in scored for score in one.T]
    faulty = [(label, score) for label, score in zip(labels, scores, strict=True) if label.any()]
    told = [(one.label, host_score(own)) for one, own in zip(hosts, scored, strict=True) if one.label.any()]
    found = budget(labels, scores, step_s=STEP_S)
    return {
        "single_vus_pr": mean_of(vus_pr, faulty),
        "single_auc_pr": mean_of(auc_pr, faulty),
        "host_vus_pr": mean_of(vus_pr, told),
        "recall_at_0_2": found.at(0.2),
        "recall_at_0_01": found.at(0.01),
    }


def mean_of(measure: Callable[[F64, F64], float], pairs: Sequence[tuple[F64, F64]]) -> float:
    """Return the mean of a measure over (label, score) pairs, nan without one."""
    return float(np.mean([measure(label, score) for label, score in pairs])) if pairs else float("nan")


def host_score(series: F64) -> F64:
    """Return the mean over a host's series (instants, series) at each instant."""
    host = Grouped(np.zeros(series.shape[1], np.intp), 1)
    capped = np.minimum(series, SCORE_CAP).astype(np.float32)
    return np.array([host.sums(row)[0] for row in capped], float) / series.shape[1]


def over_alike(hosts: Sequence[Host], score: Callable[[F64, int], F64]) -> list[F64]:
    """Score hosts of equal lengths side by side: `score` takes (instants, series) and how many are history."""
    lengths = [(len(one.train), len(one.test)) for one in hosts]
    out: dict[int, F64] = {}
    for length in sorted(set(lengths)):
        places = [place for place, own in enumerate(lengths) if own == length]
        values = np.concatenate([np.concatenate([hosts[i].train, hosts[i].test]) for i in places], axis=1)
        edges = np.cumsum([hosts[i].test.shape[1] for i in places])[:-1]
        out |= dict(zip(places, np.split(score(values, length[0]), edges, axis=1), strict=True))
    return [out[place] for place in range(len(hosts))]


def everything(name: str) -> bool:
    """Return True: every file counts."""
    return bool(name)


def untuned(name: str) -> bool:
    """Return whether nothing was chosen by looking at this file.

    >>> untuned("omi-8.npz"), untuned("nyc_taxi.csv")
    (True, False)
    """
    return zlib.crc32(name.encode()) % 2 == 1


def show(measured: dict[str, Figures], missing: dict[str, str]) -> None:
    """Print the table, what was left out, and the last line."""
    names = [f"{name}{suffix}" for suffix in ("", "_untuned") for name in FIGURES]
    rows = [[who, *(round(own[name], 3) for name in names)] for who, own in measured.items()]
    for who, why in missing.items():
        print(f"{who} {why}")
    last = {name: round(measured[OURS][name], 4) for name in names}
    for prefix, is_held in (("best_peer_", False), ("best_held_peer_", True)):
        peers = [own for who, own in measured.items() if who not in (OURS, PLAIN) and who.endswith(HELD) == is_held]
        known = {name: [own[name] for own in peers if math.isfinite(own[name])] for name in names}
        last |= {prefix + name: round(max(values), 4) for name, values in known.items() if values}
    last = {name: value for name, value in last.items() if math.isfinite(value)}  # JSON knows no NaN
    versions = {
        who: missing.get(who, "measured")
        for who in [*measured, *missing]
        if who not in (OURS, PLAIN) and HELD not in who
    }
    report("detector_accuracy", ["detector", *names], rows, figures=last, peers=versions)


def tell(what: str) -> None:
    """Say where we are, on stderr."""
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
