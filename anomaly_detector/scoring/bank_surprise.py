"""`surprise`: how far lately samples have been from what the samples just before them foretell.

Each series has a recursion of its own (autoregression of order 4, least squares over history), so that what is usual
for it is whitened: a tremble of a smooth series counts, a leap of a leaping one does not. Its error in robust scales,
softened, is averaged as a power over `SPAN` samples. Without history the recursion is "as before".
"""

import numpy as np

from anomaly_detector.models.model import F32, Mask, State
from anomaly_detector.scoring import bank_normaliser
from anomaly_detector.scoring.bank_features import mean_over
from anomaly_detector.scoring.bank_normaliser import DOWN, GAUSS_Q98, LARGEST_STEP, UP, soften
from anomaly_detector.scoring.calibration import TAIL_SHARE, column_quantiles
from anomaly_detector.scoring.daily import TINY

ORDER = 4
SPAN = 12  # samples
RIDGE = 1e-4  # of the power of the series: keeps the recursion of a smooth one stable
FLOOR_SHARE = np.float32(0.1)  # of the floor of values: errors of a smooth series are smaller than what it spans
LAGS = ("value1", "value2", "value3", "value4")


def blank(count: int) -> State:
    """Return the state of series without history."""
    recursion = np.zeros((ORDER, count), np.float32)
    recursion[0] = 1
    return {
        "recursion": recursion,
        "value3": np.zeros(count, np.float32),
        "value4": np.zeros(count, np.float32),
        "error_scale": np.full(count, TINY, np.float32),
        "power": np.zeros(count, np.float32),
    }


def begin(state: State, value: F32, *, where: Mask) -> None:
    """Start series whose first value this is, as if they had always been there."""
    for name in ("value3", "value4"):
        np.copyto(state[name], value, where=where)


def advance(state: State, value: F32) -> tuple[F32, F32]:
    """Return the size of `surprise` and the error of one value; to be called before the bank remembers the value."""
    error = value.copy()
    for weight, name in zip(state["recursion"], LAGS, strict=True):
        error -= weight * state[name]
    np.abs(error, out=error)
    scale = np.maximum(state["error_scale"], FLOOR_SHARE * state["floor"])
    power = state["power"]
    power += np.float32(2 / (SPAN + 1)) * (np.square(_soft(error, scale)) - power)
    state["value4"][...], state["value3"][...] = state["value3"], state["value2"]
    return np.sqrt(np.maximum(power, 0)), error


def follow(state: State, error: F32, *, rate: F32, young: F32 | None) -> None:
    """Move the scale of errors towards one, as `bank_normaliser.follow` does."""
    scale = state["error_scale"]
    beyond = np.clip(np.where(error > GAUSS_Q98 * scale, UP, DOWN) * rate, -LARGEST_STEP, LARGEST_STEP)
    if young is not None:
        beyond = np.where(young > 0, young * (bank_normaliser.MEAN_ABS_TO_SIGMA * error - scale) / scale, beyond)
    scale *= 1 + beyond
    np.maximum(scale, TINY, out=scale)


def over(value: F32, known: Mask, state: State) -> F32:
    """Learn recursion and scale from a whole history (instants, series) without gaps; return the sizes over it.

    `known` tells which values are samples and not carried over. What is remembered at the end is left in `state`.
    """
    if len(value) <= 4 * ORDER:
        return np.zeros(value.shape, np.float32)
    before = np.stack([value[ORDER - lag : len(value) - lag] for lag in range(1, ORDER + 1)]).astype(np.float64)
    after = value[ORDER:].astype(np.float64)
    shared = np.einsum("ats,bts->sab", before, before)
    ridge = RIDGE * np.trace(shared, axis1=1, axis2=2) / ORDER + float(TINY)
    shared += ridge[:, None, None] * np.eye(ORDER)
    weights = np.linalg.solve(shared, np.einsum("ats,ts->sa", before, after)[:, :, None])[:, :, 0].T
    error = np.zeros(value.shape, np.float32)
    error[ORDER:] = np.abs(after - np.einsum("as,ats->ts", weights, before))
    far = column_quantiles(np.where(known, error, np.nan), (1 - TAIL_SHARE,))[0] / GAUSS_Q98
    least = np.float32(bank_normaliser.SCALE_FLOOR) * error.std(axis=0)
    state["recursion"][...] = weights
    state["error_scale"][...] = np.maximum(np.nan_to_num(far), np.maximum(least, TINY))
    scale = np.maximum(state["error_scale"], FLOOR_SHARE * state["floor"])
    power = mean_over(np.square(_soft(error, scale)), SPAN, start=np.zeros(value.shape[1], np.float32))
    state["value3"][...], state["value4"][...], state["power"][...] = value[-3], value[-4], power[-1]
    return np.sqrt(np.maximum(power, 0))


def _soft(error: F32, scale: F32) -> F32:
    return soften(np.asarray(error / scale, np.float32))
