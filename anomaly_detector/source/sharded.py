"""A source of which only one shard's series are seen."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from anomaly_detector.config import Query
from anomaly_detector.errors import ResponseTooLargeError
from anomaly_detector.kinship import identity_of
from anomaly_detector.models.model import F64, Mask
from anomaly_detector.sharding import Shard, belongs, series_hash
from anomaly_detector.source.matrix import Matrix, parse_labels
from anomaly_detector.source.prom_api import written
from anomaly_detector.source.reading import Source

UNEVEN = 4  # shards are not of one size: an answer may hold this many times what all shards may
FORGET_AT = 4  # times as many spellings remembered as are in use


class Ownership(msgspec.Struct, frozen=True):
    """Which series of a query are this shard's: those of one `device` (a label, "" for none) are never parted."""

    shard: Shard
    query: Query
    device: str = ""

    def of(self, series: Sequence[Mapping[str, str]]) -> Mask:
        """Return which label sets are ours."""
        hashes = np.array([self._hash(labels) for labels in series], np.uint64)
        return belongs(hashes, count=self.shard.count, number=self.shard.number)

    def _hash(self, labels: Mapping[str, str]) -> int:
        for names in (self.shard.by, (self.device,)):
            together = {name: labels[name] for name in names if labels.get(name)}
            if together:
                return series_hash(together)
        return series_hash(dict(identity_of(tuple(labels.items()), self.query)))


class ShardedSource:
    """Asks for everything, since PromQL cannot choose by a hash, and passes on what is this shard's."""

    def __init__(self, source: Source, ownership: Ownership) -> None:
        self._source, self._ownership = source, ownership
        self._mine: dict[int, bool] = {}  # by the hash of a label set's bytes
        self._keys: list[bytes] = []
        self._mask: Mask = np.zeros(0, np.bool_)

    def server_time(self) -> float:
        """See Source."""
        return self._source.server_time()

    def newest_score(self, query: str) -> float:
        """Return when a score of this shard's series was last written: others know nothing of ours."""
        now_s = np.array([self._source.server_time()])
        found = self.query_range(written(query), now_s, step_s=1.0, max_series=1 << 40)
        return float(np.nanmax(found.values, initial=0.0)) if found.values.size else 0.0

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        """See Source; ResponseTooLargeError when this shard's series are above `max_series`."""
        every = max_series * self._ownership.shard.count * UNEVEN
        answer = self._source.query_range(expr, times_s, step_s=step_s, max_series=every)
        mask = self._of(answer.keys)
        count = int(mask.sum())
        if count > max_series:
            raise ResponseTooLargeError(
                f"{count} series of this shard, the budget is {max_series}: narrow the expression, use more shards, "
                "or raise max_series or max_state_bytes"
            )
        keys = [key for key, mine in zip(answer.keys, mask.tolist(), strict=True) if mine]
        return msgspec.structs.replace(answer, keys=keys, values=answer.values[:, mask])

    def close(self) -> None:
        """See Source."""
        self._source.close()

    def _of(self, keys: list[bytes]) -> Mask:
        if keys == self._keys:
            return self._mask
        if len(self._mine) > FORGET_AT * len(keys) + 1000:
            self._mine = {}
        marks = [hash(key) for key in keys]
        unknown = [place for place, mark in enumerate(marks) if mark not in self._mine]
        mine = self._ownership.of([parse_labels(keys[place]) for place in unknown])
        self._mine |= {marks[place]: one for place, one in zip(unknown, mine.tolist(), strict=True)}
        self._keys, self._mask = keys, np.array([self._mine[mark] for mark in marks], np.bool_)
        return self._mask
