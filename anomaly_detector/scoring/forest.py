"""An Isolation Forest as arrays: grown by scikit-learn, scored by numpy, kept without pickles.

A point is strange when few cuts set it apart (Liu, Ting and Zhou, "Isolation forest", ICDM 2008). Each tree is an array
of nodes; a leaf leads to itself, so that all points walk the same number of steps.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly_detector.models.model import F32, F64, State

SAMPLE = 256  # points that one tree is grown from, as in the paper
EULER = 0.5772156649
NODES = ("feature", "cut", "left", "right", "path")
CHUNK = 512  # points walked at once: all trees' steps stay in the cache
STEPS = 9  # more than the deepest of its trees: log2(256) and the leaf


def grown(points: F32, *, trees: int, seed: int) -> State:
    """Grow a forest from `points` (features, points); the arrays have the shape (trees, nodes)."""
    from sklearn.ensemble import IsolationForest  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy, late

    size = min(SAMPLE, points.shape[1])
    found = IsolationForest(n_estimators=trees, max_samples=size, random_state=seed).fit(points.T)
    nodes = max(one.tree_.node_count for one in found.estimators_)
    forest: State = {
        "feature": np.zeros((trees, nodes), np.int16),
        "cut": np.full((trees, nodes), np.inf),
        "left": np.zeros((trees, nodes), np.int16),
        "right": np.zeros((trees, nodes), np.int16),
        "path": np.zeros((trees, nodes), np.float32),
    }
    for number, one in enumerate(found.estimators_):
        _put(forest, number, one.tree_)
    forest["usual_path"] = np.array([_average_path(np.array([size]))[0]])
    return forest


def strangeness(forest: State, points: F32) -> F32:
    """Return the paper's score of `points` (features, points): near 1 for the strange, below 0.5 for the usual."""
    total = np.zeros(points.shape[1])
    for first in range(0, points.shape[1], CHUNK):
        part = points[:, first : first + CHUNK]
        total[first : first + CHUNK] = _paths(forest, part)
    return np.asarray(np.exp2(-total / (len(forest["feature"]) * forest["usual_path"][0])), np.float32)


def _paths(forest: State, points: F32) -> F64:
    """Return the sum of the lengths of each point's paths through all trees, walked side by side."""
    trees, nodes = forest["feature"].shape
    feature, cut, left, right, path = (forest[name].reshape(-1) for name in NODES)
    root, columns = nodes * np.arange(trees)[:, None], np.arange(points.shape[1])
    at = np.broadcast_to(root, (trees, points.shape[1]))
    for _ in range(STEPS):
        at = root + np.where(points[feature[at], columns] <= cut[at], left[at], right[at])
    return np.asarray(path[at].sum(axis=0, dtype=np.float64))


def _put(forest: State, number: int, tree: Any) -> None:
    """Take over one tree of scikit-learn, whose nodes come after their parents."""
    left, right = tree.children_left, tree.children_right
    count, leaf, itself = len(left), left < 0, np.arange(len(left))
    depth = np.zeros(count)
    for node in np.flatnonzero(~leaf).tolist():
        depth[[left[node], right[node]]] = depth[node] + 1
    forest["feature"][number, :count] = np.where(leaf, 0, tree.feature)
    forest["cut"][number, :count] = np.where(leaf, np.inf, tree.threshold)
    forest["left"][number, :count] = np.where(leaf, itself, left)
    forest["right"][number, :count] = np.where(leaf, itself, right)
    forest["path"][number, :count] = depth + _average_path(tree.n_node_samples)


def _average_path(size: npt.NDArray[np.int64]) -> F64:
    """Return the mean depth of an unsuccessful search among so many points (equation 1 of the paper)."""
    many = np.maximum(size, 3).astype(float)
    path = 2 * (np.log(many - 1) + EULER) - 2 * (many - 1) / many
    return np.where(size > 2, path, np.where(size == 2, 1.0, 0.0))
