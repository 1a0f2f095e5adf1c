"""Which series a receiver refused of late: they travel apart, so that the good ones go in one request. No I/O."""

from collections.abc import Sequence

from anomaly_detector.sink.wire import Batch

MOST_REMEMBERED = 100_000  # series, some 10 MB


class Refused:
    """Remembers the series of single samples that were refused, until the next of theirs is taken."""

    def __init__(self) -> None:
        self._series: dict[int, None] = {}  # by their hashes, those refused longest ago first

    def apart(self, batch: Batch) -> list[Batch]:
        """Return a batch as two: who was not refused of late, and who was, those refused longest ago first."""
        if not self._series:
            return [batch]
        place_of = {hash(batch.identity(place)): place for place in range(len(batch))}
        refused = [place_of.pop(one) for one in self._series if one in place_of]
        return [batch.pick(places) for places in (list(place_of.values()), refused) if places]

    def note(self, *, taken: Sequence[Batch], refused: Sequence[Batch]) -> None:
        """Take note of what became of samples; `refused` are single ones."""
        for batch in taken if self._series else ():
            for place in range(len(batch)):
                self._series.pop(hash(batch.identity(place)), None)
        for batch in refused:
            one = hash(batch.identity(0))
            self._series.pop(one, None)
            self._series[one] = None
        while len(self._series) > MOST_REMEMBERED:
            del self._series[next(iter(self._series))]
