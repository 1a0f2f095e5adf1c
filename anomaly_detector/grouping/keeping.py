"""What a query's groups remember, as a file, so that a restart does not begin to learn anew.

Two parts: what days showed, and the signs of the moment. These came later, and are of another version whenever signs or
spans change: without any that fit, devices are known all the same, and a trouble that lasts is seen anew.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly_detector.errors import SnapshotError
from anomaly_detector.grouping.follow import QueryGroups
from anomaly_detector.grouping.signing import Arrays
from anomaly_detector.scoring.groups import SIGNS
from anomaly_detector.scoring.levelling import SPANS_S
from anomaly_detector.state import FORMAT, Header, load, save, snapshot_path

HIGHEST, LOUD, TODAY, LOUD_TODAY, DAY = "highest", "loud", "today", "loud_today", "day"
OF_DEVICE = (HIGHEST, LOUD, TODAY, LOUD_TODAY)  # attributes of the roll-up; their last axis are the devices
DEVICE, SITE = "device", "site"  # the labels in the header, whatever they are called in the configuration
SEEN, LAST_LOUD = "seen_s", "loud_s"
MOMENT = "moment/"  # the second part: `version` and
SPANS = ("means", "away", "settling")  # attributes of the spans, and
BEST = ("best", "best_s")  # of the roll-up; and the signs of rows, see `DeviceSigns.remembered`
ROWS = "signs/"
VERSION = f"1 {' '.join(SIGNS)} {SPANS_S}"


def path_of(directory: Path, query: str) -> Path:
    """Return where the groups of a query are kept."""
    return snapshot_path(directory / "groups", query)


def keep(path: Path, groups: QueryGroups, *, fingerprint: str, last_s: float) -> None:
    """Write what is remembered; SnapshotError when the disk does not take it."""
    roll_up, taken = groups.roll_up, groups.signing.places.taken()
    series = [[(DEVICE, device), (SITE, site)] for device, site in groups.signing.places.known()]
    arrays: Arrays = {name: getattr(roll_up, name)[..., taken] for name in OF_DEVICE}
    arrays |= {DAY: np.array([roll_up.day]), SEEN: groups.seen_s[taken]}
    moment: Arrays = {"version": np.frombuffer(VERSION.encode(), np.uint8)}
    moment |= {name: getattr(roll_up.spans, name)[..., taken] for name in SPANS}
    moment |= {name: getattr(roll_up, name)[taken] for name in BEST}
    moment |= {LAST_LOUD: groups.loud_s[taken]}
    moment |= {ROWS + name: array for name, array in groups.signing.remembered().items()}
    arrays |= {MOMENT + name: array for name, array in moment.items()}
    save(path, Header(format=FORMAT, fingerprint=fingerprint, last_s=last_s, series=series), arrays)


def restore(path: Path, groups: QueryGroups, *, fingerprint: str) -> float:
    """Take over what was kept, into groups that have met nothing yet; return the last instant that is in it, or 0.

    0: the signs of the moment are not in it. SnapshotError when the rest does not fit.
    """
    header, arrays = load(path, fingerprint=fingerprint)
    pairs = [(dict(one).get(DEVICE, ""), dict(one).get(SITE, "")) for one in header.series]
    if len({device for device, _ in pairs}) < len(pairs) or not np.isfinite(header.last_s):
        raise SnapshotError(f"{path}: a device is there twice, or its time is none")
    groups.meet(pairs)
    roll_up = groups.roll_up
    like = {name: getattr(roll_up, name) for name in OF_DEVICE} | {DAY: np.zeros(1, np.intp)}
    missing = _unfit(arrays, like)
    if missing:
        raise SnapshotError(f"{path}: the array {missing} is missing or has another shape")
    for name in OF_DEVICE:
        setattr(roll_up, name, arrays[name])
    roll_up.day = int(arrays[DAY][0])
    roll_up.relearn()
    groups.seen_s = np.full(len(pairs), header.last_s)
    if not _unfit(arrays, {SEEN: groups.seen_s}):
        groups.seen_s = arrays[SEEN]
    of_moment = {name[len(MOMENT) :]: array for name, array in arrays.items() if name.startswith(MOMENT)}
    return header.last_s if _moment(of_moment, groups) else 0.0


def _moment(arrays: Mapping[str, npt.NDArray[Any]], groups: QueryGroups) -> bool:
    """Take over the signs of the moment; return whether they fit."""
    roll_up, signs = groups.roll_up, groups.signing
    version = arrays.get("version")
    if version is None or version.dtype != np.uint8 or version.tobytes() != VERSION.encode():
        return False
    rows = {name[len(ROWS) :]: array for name, array in arrays.items() if name.startswith(ROWS)}
    like = {name: getattr(roll_up.spans, name) for name in SPANS} | {name: getattr(roll_up, name) for name in BEST}
    like |= {LAST_LOUD: groups.loud_s}
    if _unfit(arrays, like) or not signs.fits(rows):
        return False
    for name in SPANS:
        setattr(roll_up.spans, name, arrays[name])
    for name in BEST:
        setattr(roll_up, name, arrays[name])
    groups.loud_s = arrays[LAST_LOUD]
    signs.recall(rows)
    return True


def _unfit(arrays: Mapping[str, npt.NDArray[Any]], like: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return the first array that is missing or unlike what is wanted, "" when all are fit."""
    for name, wanted in like.items():
        kept = arrays.get(name)
        if kept is None or kept.shape != wanted.shape or kept.dtype != wanted.dtype:
            return name
    return ""
