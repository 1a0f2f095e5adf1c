"""`anomaly_contribution`: each feature's own score, for series near alarm only, so that they are never many."""

from collections.abc import Sequence

import numpy as np

from anomaly_detector.instant import Judged
from anomaly_detector.models.model import F64, Mask
from anomaly_detector.series_table import Labels
from anomaly_detector.sink.series import CONTRIBUTION, Identity, encoded, output_labels, text
from anomaly_detector.sink.series import Labels as OutputLabels
from anomaly_detector.sink.wire import STALE, Batch, Template

NEAR, AWAY = 0.9, 0.7  # scores: shown from the one on, until below the other
MOST_SERIES = 200  # of one query and model at a time, those with the highest scores


class NearAlarm:
    """Which rows are shown now; whoever is shown no more gets stale markers."""

    def __init__(self, identity: Identity, features: Sequence[str]) -> None:
        self._identity, self._features = identity, tuple(features)
        self._labels: Sequence[Labels | None] = ()
        self._series: dict[int, list[bytes]] = {}
        self._shown: set[int] = set()

    def follow(self, labels: Sequence[Labels | None]) -> None:
        """Take note that rows hold other series."""
        self._labels, self._series = labels, {}

    def batch(self, judged: Judged, time_ms: int) -> Batch | None:
        """Return what is to be written about one instant, None when nothing is."""
        places = np.flatnonzero(self._near(judged))
        places = places[np.argsort(-judged.verdict.score[places], kind="stable")][:MOST_SERIES]
        rows = judged.rows[places].tolist()
        ended = self._shown.difference(rows) if len(judged.rows) else self._shown.intersection(judged.ended.tolist())
        gone = [row for row in sorted(ended) if self._labels[row] is not None]
        self._shown = self._shown.difference(ended) | set(rows)
        if not self._features or not (rows or gone):
            return None
        values = judged.verdict.contribution[:, places].T.astype(np.float64).ravel()
        ends = np.full(len(gone) * len(self._features), STALE)
        series = [one for row in (*rows, *gone) for one in self._encoded(row)]
        return Template(series).render(np.arange(len(series)), np.concatenate((values, ends)), time_ms)

    def lines(self, judged: Judged) -> tuple[list[str], F64]:
        """Return the series shown since the last batch, as text, and what the features contribute to this instant."""
        places = np.flatnonzero(np.isin(judged.rows, sorted(self._shown))) if self._features else np.zeros(0, np.intp)
        lines = [text(CONTRIBUTION, one) for row in judged.rows[places].tolist() for one in self._labelled(row)]
        return lines, judged.verdict.contribution[:, places].T.astype(np.float64).ravel()

    def _near(self, judged: Judged) -> Mask:
        score = judged.verdict.score
        shown = np.fromiter(self._shown, np.intp, len(self._shown))
        return np.asarray((score > NEAR) | ((score > AWAY) & np.isin(judged.rows, shown)), np.bool_)

    def _encoded(self, row: int) -> list[bytes]:
        if row not in self._series:
            self._series[row] = [encoded(CONTRIBUTION, one) for one in self._labelled(row)]
        return self._series[row]

    def _labelled(self, row: int) -> list[OutputLabels]:
        labels = dict(self._labels[row] or ())
        return [output_labels(labels, self._identity.of_feature(name)) for name in self._features]
