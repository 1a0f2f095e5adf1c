"""What a query's groups remember, as a file, so that a restart does not begin to learn anew."""

from pathlib import Path

import numpy as np

from anomaly_detector.errors import SnapshotError
from anomaly_detector.grouping.follow import QueryGroups
from anomaly_detector.state import FORMAT, Header, load, save, snapshot_path

HIGHEST, LOUD, TODAY, LOUD_TODAY, DAY = "highest", "loud", "today", "loud_today", "day"
DEVICE, SITE = "device", "site"  # the labels in the header, whatever they are called in the configuration


def path_of(directory: Path, query: str) -> Path:
    """Return where the groups of a query are kept."""
    return snapshot_path(directory / "groups", query)


def keep(path: Path, groups: QueryGroups, *, fingerprint: str, last_s: float) -> None:
    """Write what is remembered; SnapshotError when the disk does not take it."""
    roll_up = groups.roll_up
    sites = {place: name for name, place in groups.sites.items()}
    series = [
        [(DEVICE, device), (SITE, sites.get(groups.site_of[place], ""))] for place, device in enumerate(groups.devices)
    ]
    arrays = {
        HIGHEST: roll_up.highest,
        LOUD: roll_up.loud,
        TODAY: roll_up.today,
        LOUD_TODAY: roll_up.loud_today,
        DAY: np.array([roll_up.day]),
    }
    save(path, Header(format=FORMAT, fingerprint=fingerprint, last_s=last_s, series=series), arrays)


def restore(path: Path, groups: QueryGroups, *, fingerprint: str) -> None:
    """Take over what was kept, into groups that have met nothing yet; SnapshotError when it does not fit."""
    header, arrays = load(path, fingerprint=fingerprint)
    pairs = [(dict(one).get(DEVICE, ""), dict(one).get(SITE, "")) for one in header.series]
    groups.meet(pairs)
    roll_up = groups.roll_up
    like = {HIGHEST: roll_up.highest, LOUD: roll_up.loud, TODAY: roll_up.today, LOUD_TODAY: roll_up.loud_today}
    for name, wanted in (like | {DAY: np.zeros(1, np.intp)}).items():
        kept = arrays.get(name)
        if kept is None or kept.shape != wanted.shape or kept.dtype != wanted.dtype:
            raise SnapshotError(f"{path}: the array {name} is missing or has another shape")
    roll_up.highest, roll_up.loud = arrays[HIGHEST], arrays[LOUD]
    roll_up.today, roll_up.loud_today = arrays[TODAY], arrays[LOUD_TODAY]
    roll_up.day = int(arrays[DAY][0])
    roll_up.relearn()
