"""ASD: servers with 19 metrics each, 30 days to learn from and 15 days with labels; see its folder's README."""

import re
import sys
from pathlib import Path

import msgspec
import numpy as np

from anomaly_detector.models.model import F64, Mask

STEP_S = 300.0


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """One server: `train` and `test` (instants, series), `label` of the host and `labels` of each series."""

    name: str
    train: F64
    test: F64
    label: Mask
    labels: Mask


def read(folder: Path) -> list[Host]:
    """Read every host; without a text of interpretations the host's label is taken for each of its series."""
    return [_read_one(path) for path in sorted(folder.glob("*.npz"), key=_natural)]


def _read_one(path: Path) -> Host:
    with np.load(path, allow_pickle=False) as stored:
        train, test, label = (stored[name] for name in ("train", "test", "label"))
    text = path.with_suffix(".txt")
    if text.exists():
        labels = interpreted(text.read_text(), test.shape)
    else:
        print(f"{path.name}: no interpretations, each series has the host's label", file=sys.stderr)
        labels = np.repeat((label > 0)[:, None], test.shape[1], axis=1)
    return Host(name=path.name, train=train.astype(float), test=test.astype(float), label=label > 0, labels=labels)


def interpreted(text: str, shape: tuple[int, ...]) -> Mask:
    """Return the labels of each series from lines `first-last:dimension,…`, dimensions from 1, `last` inside.

    >>> interpreted("1-3:2", (4, 2)).astype(int).tolist()
    [[0, 0], [0, 1], [0, 1], [0, 1]]
    """
    labels = np.zeros(shape, bool)
    for line in text.split():
        span, _, dimensions = line.partition(":")
        first, last = (int(part) for part in span.split("-"))
        labels[first : last + 1, [int(number) - 1 for number in dimensions.split(",")]] = True
    return labels


def _natural(path: Path) -> list[int | str]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]
