"""The recursions of the feature bank: from one value of each series to eleven features, with O(1) memory.

`v` is the value, `r` what remains of it without the hour of day. Spans are in samples; an exponentially weighted mean
of span n has the gain 2 / (n + 1). The features see a series at several speeds: steps (change, change2), its roughness
(rough6, rough12), the same of `r` (rest…), and lasting offsets of `r` against the hour (rest6, rest12) and against the
day before (off, drift).
"""

import numpy as np

from anomaly_detector.models.model import F32, Mask, State

FEATURES = (
    "change",
    "change2",
    "rough6",
    "rough12",
    "rest_change2",
    "rest_rough6",
    "rest",
    "rest6",
    "rest12",
    "off",
    "drift",
)
REST = FEATURES.index("rest")
BEFORE = ("value1", "value2", "rest1", "rest2")
MEANS = ("mean6", "mean12", "rest_mean6", "rest_mean12", "rest_mean96")
VARIANCES = ("variance6", "variance12", "rest_variance6")
MEMORY = (*BEFORE, *MEANS, *VARIANCES)
CHUNK = 64  # instants of history taken as one product
OF_VALUE = ("value1", "value2", "mean6", "mean12")
OF_REST = ("rest1", "rest2", "rest_mean6", "rest_mean12", "rest_mean96")


def begin(state: State, value: F32, rest: F32, *, where: Mask) -> None:
    """Start the memory of series whose first value this is, as if they had always been there."""
    for name in OF_VALUE:
        np.copyto(state[name], value, where=where)
    for name in OF_REST:
        np.copyto(state[name], rest, where=where)
    for name in VARIANCES:
        np.copyto(state[name], np.float32(0), where=where)


def advance(state: State, value: F32, rest: F32) -> F32:
    """Return the features (11, series) of one value, and remember it, in place."""
    out = np.empty((len(FEATURES), len(value)), np.float32)
    np.subtract(value, state["value1"], out=out[0])
    np.subtract(value, state["value2"], out=out[1])
    out[2] = _rough(state["mean6"], state["variance6"], value, 6)
    out[3] = _rough(state["mean12"], state["variance12"], value, 12)
    np.subtract(rest, state["rest2"], out=out[4])
    out[5] = _rough(state["rest_mean6"], state["rest_variance6"], rest, 6)
    out[6] = rest
    out[7] = state["rest_mean6"]
    out[8] = _mean(state["rest_mean12"], rest, 12)
    slow = _mean(state["rest_mean96"], rest, 96)
    np.subtract(rest, slow, out=out[9])
    np.subtract(out[7], slow, out=out[10])
    state["value2"][...], state["value1"][...] = state["value1"], value
    state["rest2"][...], state["rest1"][...] = state["rest1"], rest
    return out


def over(value: F32, rest: F32, state: State) -> F32:
    """Return the features of a whole history (11, instants, series) without gaps, and leave its memory in `state`.

    The same as `begin` with the first instant and `advance` with each, at a hundredth of the cost.
    """
    means = {name: mean_over(rest if name in OF_REST else value, _span(name)) for name in MEANS}
    roughs = {}
    for name in VARIANCES:
        of = name.replace("variance", "mean")
        gap = (rest if of in OF_REST else value) - means[of]
        roughs[name] = mean_over(np.square(gap), _span(name), start=np.zeros(gap.shape[1], np.float32))
    last = {name: array[-1] for name, array in (means | roughs).items()}
    last |= {"value1": value[-1], "value2": value[-2:][0], "rest1": rest[-1], "rest2": rest[-2:][0]}
    for name, array in last.items():
        state[name][...] = array
    return np.stack(
        (
            _step(value, 1),
            _step(value, 2),
            np.sqrt(np.maximum(roughs["variance6"], 0)),
            np.sqrt(np.maximum(roughs["variance12"], 0)),
            _step(rest, 2),
            np.sqrt(np.maximum(roughs["rest_variance6"], 0)),
            rest,
            means["rest_mean6"],
            means["rest_mean12"],
            rest - means["rest_mean96"],
            means["rest_mean6"] - means["rest_mean96"],
        )
    )


def carried(values: F32) -> F32:
    """Return values with each gap filled by the last one before it, a first gap by the first one after it."""
    known = np.isfinite(values)
    place = np.where(known, np.arange(len(values))[:, None], -1)
    place = np.maximum.accumulate(place, axis=0)
    place = np.where(place < 0, known.argmax(axis=0), place)
    return np.nan_to_num(np.take_along_axis(values, place, axis=0))


def _span(name: str) -> int:
    return int(name.strip("abcdefghijklmnopqrstuvwxyz_"))


def _step(values: F32, lag: int) -> F32:
    before = np.concatenate((np.repeat(values[:1], lag, axis=0), values[:-lag]))[: len(values)]
    return np.asarray(values - before)


def mean_over(values: F32, span: int, *, start: F32 | None = None) -> F32:
    """Return the weighted mean at each instant; it begins at `start`, the first value when left out."""
    gain = 2 / (span + 1)
    keep = (1 - gain) ** np.arange(CHUNK + 1)
    lags = np.arange(CHUNK)[:, None] - np.arange(CHUNK)
    weights = np.where(lags >= 0, gain * keep[np.maximum(lags, 0)], 0).astype(np.float32)
    fade = keep[1:].astype(np.float32)[:, None]
    mean, out = values[0] if start is None else start, np.empty_like(values)
    for first in range(0, len(values), CHUNK):
        part = values[first : first + CHUNK]
        size = len(part)
        out[first : first + size] = fade[:size] * mean + weights[:size, :size] @ part
        mean = out[first + size - 1]
    return out


def _mean(mean: F32, value: F32, span: int) -> F32:
    mean += np.float32(2 / (span + 1)) * (value - mean)
    return mean


def _rough(mean: F32, variance: F32, value: F32, span: int) -> F32:
    """Advance a mean and the variance around it; return the standard deviation."""
    gap = value - _mean(mean, value, span)
    variance += np.float32(2 / (span + 1)) * (gap * gap - variance)
    return np.asarray(np.sqrt(np.maximum(variance, 0)))
