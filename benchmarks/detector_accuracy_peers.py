"""The peers of the accuracy benchmark, each online and without look-ahead: history is for learning, then they score.

A peer takes (instants, series), how many of the instants are history, and the step; it returns a score for every
instant, larger is stranger. What needs a library that is not installed says so and is left out.
"""

import math
from collections.abc import Callable

import numpy as np

from anomaly_detector.models.model import DAY_S, F64

Peer = Callable[[F64, int, float], F64]
SUB_PCA_WINDOW = 24
FOREST_TREES = 100
WINDOWS = (6, 24, 96)
TINY = 1e-9


def static_z(values: F64, past: int, step_s: float) -> F64:
    """Distance from the mean of history in its standard deviations."""
    del step_s
    history = values[:past]
    return np.asarray(np.abs(values - history.mean(axis=0)) / _least(history.std(axis=0), history))


def promql_adaptive(values: F64, past: int, step_s: float) -> F64:
    """grafana/promql-anomaly-detection, strategy adaptive: distance from the hour's mean, 1 at its bands."""
    del past
    hour = max(2, round(3600 / step_s))
    mean, spread = _rolling(values, hour)
    rough = np.where(spread > 0.5 * np.abs(mean), spread, np.nan)
    short = 2 * np.nan_to_num(_rolling_known_mean(rough, round(26 * 3600 / step_s)))
    upper, lower = mean + np.maximum(short, 0.5 * np.abs(mean)), mean - np.maximum(short, 0.5 * np.abs(mean))
    for back_s in (23.5 * 3600, 167.5 * 3600):
        back = round(back_s / step_s)
        if back < len(values):
            upper[back:] = np.maximum(upper[back:], (mean + 2 * spread)[:-back])
            lower[back:] = np.minimum(lower[back:], (mean - 2 * spread)[:-back])
    lower = np.where(values.min() >= 0, np.maximum(lower, 0), lower)
    above, below = (values - mean) / np.maximum(upper - mean, TINY), (mean - values) / np.maximum(mean - lower, TINY)
    return np.asarray(np.maximum(above, below))


def holt_winters(values: F64, past: int, step_s: float) -> F64:
    """Additive Holt-Winters with a daily season; residual in standard deviations of history's residuals."""
    alpha, beta, gamma = 0.1, 0.001, 0.1
    period = max(2, round(DAY_S / step_s))
    start = min(period, past)
    level, trend = values[:start].mean(axis=0), np.zeros(values.shape[1])
    season = np.zeros((period, values.shape[1]))
    season[:start] = values[:start] - level
    residual = np.zeros_like(values)
    for instant, value in enumerate(values):
        usual = season[instant % period].copy()
        residual[instant] = value - (level + trend + usual)
        before = level
        level = alpha * (value - usual) + (1 - alpha) * (level + trend)
        trend = beta * (level - before) + (1 - beta) * trend
        season[instant % period] = gamma * (value - level) + (1 - gamma) * usual
    return np.asarray(np.abs(residual) / _least(residual[min(start, past // 2) : past].std(axis=0), values[:past]))


def sub_pca(values: F64, past: int, step_s: float) -> F64:
    """Principal components of windows of 24 samples; root mean square of the whitened projections."""
    del step_s
    out = np.zeros_like(values)
    for column in range(values.shape[1]):
        windows = lagged(values[:, column])
        centre, scale = windows[:past].mean(axis=0), _least(windows[:past].std(axis=0), windows[:past])
        known = (windows - centre) / scale
        strength, directions = np.linalg.eigh(np.cov(known[:past].T) + 1e-4 * np.eye(SUB_PCA_WINDOW))
        out[:, column] = np.sqrt(np.square(known @ directions / np.sqrt(strength)).mean(axis=1))
    return out


def windowed_gaussian(values: F64, past: int, step_s: float) -> F64:
    """NAB's own: one minus the Gaussian tail over the last 6400 values, moved on by hundreds."""
    del past, step_s
    return np.stack([_windowed_gaussian(column) for column in values.T], axis=1)


def isolation_forest(values: F64, past: int, step_s: float) -> F64:
    """scikit-learn's Isolation Forest for each series, over what `windowed` says of each instant; fitted once."""
    del step_s
    from sklearn.ensemble import IsolationForest

    out = np.zeros_like(values)
    for column in range(values.shape[1]):
        windows = windowed(values[:, column])
        forest = IsolationForest(n_estimators=FOREST_TREES, random_state=0).fit(windows[:past])
        out[:, column] = -forest.score_samples(windows)
    return out


def pyod_hbos(values: F64, past: int, step_s: float) -> F64:
    """PyOD's histogram-based outlier score for each series, over what `windowed` says; fitted once."""
    del step_s
    from pyod.models.hbos import HBOS

    out = np.zeros_like(values)
    for column in range(values.shape[1]):
        windows = windowed(values[:, column])
        out[:, column] = HBOS().fit(windows[:past]).decision_function(windows)
    return out


def river_gaussian(values: F64, past: int, step_s: float) -> F64:
    """river's GaussianScorer for each series: one minus the tail, learning from every sample."""
    del past, step_s
    from river import anomaly

    out = np.zeros_like(values)
    for column in range(values.shape[1]):
        scorer = anomaly.GaussianScorer()
        for instant, value in enumerate(values[:, column].tolist()):
            out[instant, column] = scorer.score_one(None, value)
            scorer.learn_one(None, value)
    return out


PEERS: dict[str, Peer] = {
    "static_z": static_z,
    "promql_adaptive": promql_adaptive,
    "holt_winters": holt_winters,
    "sub_pca": sub_pca,
    "windowed_gaussian": windowed_gaussian,
    "isolation_forest": isolation_forest,
    "pyod_hbos": pyod_hbos,
    "river_gaussian": river_gaussian,
}


def lagged(values: F64) -> F64:
    """Return the last 24 values at each instant; before the first, the first.

    >>> lagged(np.array([1.0, 2.0, 3.0]))[:, -3:].tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    padded = np.concatenate([np.full(SUB_PCA_WINDOW - 1, values[0]), values])
    return np.lib.stride_tricks.sliding_window_view(padded, SUB_PCA_WINDOW)


def windowed(values: F64) -> F64:
    """Return value, change, and mean and standard deviation over some windows, at each instant (instants, features).

    >>> windowed(np.array([1.0, 3.0])).round(2).tolist()
    [[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [3.0, 2.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0]]
    """
    rolled = [_rolling(values[:, None], window) for window in WINDOWS]
    change = np.diff(values, prepend=values[:1])
    return np.stack([values, change, *(part[:, 0] for pair in rolled for part in pair)], axis=1)


def _least(spread: F64, history: F64) -> F64:
    return np.asarray(np.maximum(spread, TINY + 1e-3 * np.abs(history).mean(axis=0)))


def _rolling(values: F64, window: int) -> tuple[F64, F64]:
    """Return mean and standard deviation of the last `window` values, of fewer at the beginning."""
    mean = _rolling_known_mean(values, window)
    power = _rolling_known_mean(np.square(values - values[0]), window)
    return mean, np.sqrt(np.maximum(power - np.square(mean - values[0]), 0))


def _rolling_known_mean(values: F64, window: int) -> F64:
    """Return the mean of the known ones of the last `window` values; NaN where there is none."""
    zero = np.zeros((1, values.shape[1]))
    total = np.concatenate([zero, np.cumsum(np.nan_to_num(values), axis=0)])
    count = np.concatenate([zero, np.cumsum(np.isfinite(values), axis=0)])
    first = np.maximum(np.arange(1, len(values) + 1) - window, 0)
    size = count[1:] - count[first]
    return np.where(size > 0, (total[1:] - total[first]) / np.maximum(size, 1), np.nan)


def _windowed_gaussian(values: F64, window: int = 6400, move: int = 100) -> F64:
    """The window holds what came before a value, 6400 at most; once full it moves on by a hundred at a time."""
    before = np.arange(len(values))
    first = np.maximum(before - window, 0) // move * move
    last = np.where(before <= window, before, first + window)
    centred = values - values[0]
    total, power = (np.concatenate([[0.0], np.cumsum(part)]) for part in (centred, np.square(centred)))
    size = np.maximum(last - first, 1)
    mean = (total[last] - total[first]) / size
    spread = np.sqrt(np.maximum((power[last] - power[first]) / size - np.square(mean), 0))
    distance = np.abs(centred - mean) / np.where(spread > 0, spread, 1e-6)
    tail = np.array([0.5 * math.erfc(one / math.sqrt(2)) for one in distance.tolist()])
    return np.where(before > 0, 1 - tail, 0.0)
