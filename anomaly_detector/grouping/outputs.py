"""Series of devices and sites: `anomaly_group_score`, `anomaly_site_score`, and which series is the worst. No I/O.

`anomaly_worst` has the labels of a device's worst series and its score, while the device is above 1, or a site that
speaks for it; it ends by a stale marker. Scores of devices and sites end so as well when they have no samples any more.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from anomaly_detector.grouping.follow import QueryGroups, Told
from anomaly_detector.grouping.names import GROUP, SITE, WORST
from anomaly_detector.models.model import F64
from anomaly_detector.series_table import SeriesTable
from anomaly_detector.sink.outputs import Page
from anomaly_detector.sink.series import Identity, Labels, encoded, output_labels, text
from anomaly_detector.sink.wire import STALE, Batch, Template, join

NOTHING = Batch(body=b"", bounds=np.zeros(1, np.int64), time_ms=0)
Shown = dict[tuple[str, Labels], float]


class GroupOutputs:
    """Renders what is told, and remembers what has to be ended."""

    def __init__(
        self, identity: Identity, groups: QueryGroups, *, of_site: Mapping[str, str] = {}, shown: Shown | None = None
    ) -> None:
        """Take what the run before has `shown`, if it goes on with this one; `of_site` are more labels of sites."""
        self._of_site = of_site
        self._identity, self._groups = identity, groups
        self._encoded: dict[tuple[str, Labels], bytes] = {}
        self.shown: Shown = shown or {}

    def batch(self, told: Told, table: SeriesTable) -> Batch:
        """Return what to write about an instant."""
        return self._moved(dict(self._values(told, table)), told.time_s)

    def ending(self, time_s: float) -> Batch:
        """Return what ends everything shown."""
        return self._moved({}, time_s)

    def pages(self, time_s: float) -> list[Page]:
        """Return what `/scores` shows of the newest batch."""
        out = []
        for name in (GROUP, SITE, WORST):
            values = {labels: value for (one, labels), value in self.shown.items() if one == name}
            lines = [text(name, labels) for labels in values]
            numbers: F64 = np.array(list(values.values()))
            out.append(Page(name=name, lines=lines, values=numbers, time_ms=round(time_s * 1000)))
        return [page for page in out if len(page.values)]

    def _moved(self, values: Shown, time_s: float) -> Batch:
        """Return a batch of values, and of ends of what was shown before and is not any more."""
        gone = [series for series in self.shown if series not in values]
        self.shown = values
        time_ms = round(time_s * 1000)
        if not values and not gone:
            return NOTHING
        every = [(series, value) for series, value in values.items()] + [(series, float("nan")) for series in gone]
        numbers: F64 = np.array([value for _, value in every])
        numbers[len(values) :] = STALE
        template = Template([self._encode(series) for series, _ in every])
        for series in gone:
            self._encoded.pop(series, None)
        return join([template.render(np.arange(len(every)), numbers, time_ms)], time_ms)

    def _encode(self, series: tuple[str, Labels]) -> bytes:
        if series not in self._encoded:
            self._encoded[series] = encoded(*series)
        return self._encoded[series]

    def _values(self, told: Told, table: SeriesTable) -> Iterator[tuple[tuple[str, Labels], float]]:
        groups, of = self._groups, self._groups.plan.groups
        for (device, site), place in zip(groups.signing.places.known(), groups.devices.values(), strict=True):
            if told.there[place]:
                about = {of.device: device} | ({of.site: site} if site else {})
                yield self._named(GROUP, about), float(told.group[place])
        seen = {groups.site_of[place] for place in np.flatnonzero(told.there).tolist()}
        for site_name, place in groups.sites.items():
            if place in seen:
                yield self._named(SITE, {of.site: site_name, **self._of_site}), float(told.site[place])
        for row, score in zip(told.worst.tolist(), told.worst_score.tolist(), strict=True):
            yield self._named(WORST, dict(table.labels[row] or ())), score

    def _named(self, name: str, labels: dict[str, str]) -> tuple[str, Labels]:
        return name, output_labels(labels, self._identity)
