"""What the parts of a model over the feature bank say of one sample: each generation alone, each feature's share.

Asked of the model itself: it judges the sample again with a state in which only one generation speaks, and with one in
which a feature counts for nothing; and once as if no alarm had gone before, as its score falls slowly after one.
"""

import msgspec
import numpy as np

from anomaly_detector.models.model import F64, Grid, Model, State, Verdict
from anomaly_detector.scoring.bank_features import FEATURES
from anomaly_detector.scoring.bank_judgement import ROWS
from anomaly_detector.scoring.feature_bank import FeatureBank
from anomaly_detector.scoring.scoring import Rules, apply

NAMES = ("older", "younger")  # of the generations, in the order of ROWS
DEAF = np.float32(1e30)  # a scale so wide that no distance counts


class Testimony(msgspec.Struct, frozen=True, kw_only=True):
    """`generations`: the score of the first feature if only this memory spoke, 1 the threshold.

    `shares`: which part of the strangeness each feature of the bank accounts for, 0 to 1; they need not sum to 1.
    `silent` are the features that tell and do not score. `alone`: which part of the score the sample makes by itself,
    1 unless an alarm before holds it up.
    """

    generations: dict[str, float] = {}
    shares: dict[str, float] = {}
    silent: tuple[str, ...] = ()
    alone: float = 1.0


def testimony(model: Model, block: F64, state: State, grid: Grid, *, rules: Rules) -> Testimony:
    """Return what a model's parts say of one sample of one series; nothing where a model has none.

    `state` is what the model knew of the series ahead of the sample; it is left alone.
    """
    if not isinstance(model, FeatureBank) or "scale" not in state:
        return Testimony()
    whole = _shape(model, block, state, grid)
    generations = {
        name: _shape(model, block, _alone(state, rows), grid) for name, rows in zip(NAMES, ROWS, strict=True)
    }
    shares = {
        name: max(0.0, 1 - (_shape(model, block, _without(state, place), grid) / whole) ** 2) if whole else 0.0
        for place, name in enumerate(FEATURES)
    }
    scores = [
        float(apply(_verdict(model, block, known, grid), block, rules).score[0])
        for known in (state, state | {"held": np.zeros(1, np.float32)})
    ]
    alone = scores[1] / scores[0] if scores[0] else 1.0
    return Testimony(generations=generations, shares=shares, silent=model.silent, alone=alone)


def _verdict(model: FeatureBank, block: F64, state: State, grid: Grid) -> Verdict:
    copied = {name: array.copy() for name, array in state.items()}
    return model.step(block, copied, np.zeros(1, np.bool_), grid)


def _shape(model: FeatureBank, block: F64, state: State, grid: Grid) -> float:
    return float(_verdict(model, block, state, grid).contribution[0, 0])


def _alone(state: State, rows: slice) -> State:
    """Return a state in which every generation knows what one knows."""
    scale = np.concatenate([state["scale"][rows]] * len(ROWS))
    return state | {"scale": scale}


def _without(state: State, place: int) -> State:
    """Return a state in which a feature is never strange."""
    scale = state["scale"].copy()
    for rows in ROWS:
        scale[rows][place] = DEAF
    return state | {"scale": scale}
