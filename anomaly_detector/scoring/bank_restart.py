"""What becomes of a series of the feature bank whose new behaviour lasted so long that it is normal.

It is not moved there: of a far level the bank saw only as much as it may see of a wild value, and how the series strays
there nobody has measured. So it begins as a new one does, at its present level. What says more of it than the blanks of
a new one is kept: its rhythm, the roughness of its hours, heavy tails.
"""

import numpy as np

from anomaly_detector.models.model import F32, F64, Mask, State
from anomaly_detector.scoring import bank_features, bank_surprise
from anomaly_detector.scoring.bank_judgement import EXTREMES
from anomaly_detector.scoring.daily import RELATIVE_FLOOR

FORGOTTEN = ("samples", "centre", "scale", "error_scale", "power")
TAIL = ("_tail", "_excess")


def restart(state: State, blank: State, level: F64, usual: F32, *, known_s: float, where: Mask) -> None:
    """Begin series anew, in place: `level` becomes their origin, to which their rhythm adds `usual` at present.

    `blank` is the state of one new series. `known_s` counts as seen of each: only what is left of the warm-up follows.
    """
    moved = np.where(where, level - state["origin"], 0).astype(np.float32)
    for name in EXTREMES:
        state[name] -= moved
    np.copyto(state["origin"], level, where=where)
    np.copyto(state["seen_s"], np.float32(known_s), where=where)
    bank_features.begin(state, usual, np.zeros_like(usual), where=where)
    bank_surprise.begin(state, usual, where=where)
    for name in FORGOTTEN:
        np.copyto(state[name], blank[name], where=where)
    least = {name: array for name, array in blank.items() if name.endswith(TAIL)}
    least["floor"] = RELATIVE_FLOOR * np.abs(level).astype(np.float32)
    for name, array in least.items():
        np.copyto(state[name], np.maximum(state[name], array), where=where)
