"""The detector's own models over the benchmark's data, online: the very code that serves, with its defaults."""

from collections.abc import Sequence

import msgspec
import numpy as np

from anomaly_detector.models.model import DAY_S, F64, Grid, History, Model, State
from anomaly_detector.models.registry import models
from benchmarks.detector_accuracy_nab import Series


class Streams(msgspec.Struct, frozen=True, kw_only=True):
    """For every instant and series: `score`, and `features`, each feature's own score (feature, instant, series)."""

    score: F64
    features: F64


def made(name: str, **options: float) -> Model:
    """Return a model with its defaults but for the options given and the warm-up: history was seen, however short."""
    plugin = models().get(name)
    return plugin.make(plugin.options(warmup=1.0, **options))


def over_hosts(model: Model, values: F64, past: int, step_s: float) -> Streams:
    """Fit on the first `past` instants of all series, judge the others one by one; history scores 0."""
    every = values.shape[1]
    return _judged(model, values, [past] * every, [0.0] * every, step_s)


def over_files(model: Model, files: Sequence[Series]) -> list[Streams]:
    """Judge every file by itself; files of one step are stepped together, each from the end of its probation."""
    out: dict[int, Streams] = {}
    steps = [float(np.median(np.diff(one.times_s))) for one in files]
    for step_s in sorted(set(steps)):
        places = [place for place, step in enumerate(steps) if step == step_s]
        chosen = [files[place] for place in places]
        longest = max(len(one.values) for one in chosen)
        values = np.full((longest, len(chosen)), np.nan)
        for column, one in enumerate(chosen):
            values[: len(one.values), column] = one.values
        starts = [float(one.times_s[0]) % DAY_S for one in chosen]
        judged = _judged(model, values, [one.probation for one in chosen], starts, step_s)
        for column, (place, one) in enumerate(zip(places, chosen, strict=True)):
            size = len(one.values)
            out[place] = Streams(score=judged.score[:size, column], features=judged.features[:, :size, column])
    return [out[place] for place in range(len(files))]


def _judged(model: Model, values: F64, past: list[int], start_s: list[float], step_s: float) -> Streams:
    """Judge columns whose clocks start at different times of day: each is moved to its place on one clock."""
    fitted = _fitted(model, values, past, start_s, step_s)
    ahead = [round(start / step_s) for start in start_s]  # how many instants after midnight a column begins
    begins = [lead + length for lead, length in zip(ahead, past, strict=True)]
    day = max(1, round(DAY_S / step_s))
    shift = [lead - (begin - begin % day) for lead, begin in zip(ahead, begins, strict=True)]
    state, score = model.blank(values.shape[1]), np.zeros(values.shape)
    features = np.zeros((len(model.features), *values.shape))
    rows = np.arange(values.shape[1])
    for instant in range(len(values) + day):
        here = instant - np.array(shift)
        for column in np.flatnonzero(here == np.array(past)).tolist():
            _put(state, fitted, column)
        there = (here >= np.array(past)) & (here < len(values))
        if not there.any():
            continue
        block = np.where(there, values[np.clip(here, 0, len(values) - 1), rows], np.nan)
        grid = Grid(time_s=instant * step_s, step_s=step_s, day_s=instant * step_s % DAY_S)
        verdict = model.step(block, state, there, grid)
        score[here[there], rows[there]] = verdict.score[there]
        features[:, here[there], rows[there]] = verdict.contribution[:, there]
    return Streams(score=score, features=features)


def _fitted(model: Model, values: F64, past: list[int], start_s: list[float], step_s: float) -> State:
    parts = []
    for length, start in sorted(set(zip(past, start_s, strict=True))):
        columns = [i for i, one in enumerate(zip(past, start_s, strict=True)) if one == (length, start)]
        held = values[:length, columns]
        history = History(
            values=held,
            day_s=(start + step_s * np.arange(length)) % DAY_S,
            step_s=step_s,
            target_step_s=step_s,
        )
        parts.append((columns, model.fit(history, np.ones(held.shape, bool))))
    state = model.blank(values.shape[1])
    for columns, part in parts:
        for name, array in part.items():
            state[name][..., columns] = array
    return state


def _put(state: State, fitted: State, column: int) -> None:
    for name, array in state.items():
        array[..., column] = fitted[name][..., column]
