"""Series that a test pushes into a real store by remote write, for stores that scrape nothing."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from anomaly_detector.config import Target
from anomaly_detector.errors import SourceUnavailableError
from anomaly_detector.session import Session
from anomaly_detector.sink.remote_write import HEADERS
from anomaly_detector.sink.wire import STALE, Template, encode_labels, encode_series
from heronwatch.values import HttpUrl
from tests.fakes.daemons import Daemon

EVERY_S = 0.4


class Feed:
    """Pushes `values` (label `n` → value) of the metric `level` as samples of now; a test may change them.

    `labels` are on every series, `late_s` says which come late, and by how much.
    """

    def __init__(self, store: Daemon, *, labels: Mapping[str, str] | None = None, **values: float) -> None:
        self.values = dict(values)
        self.labels = dict(labels or {})
        self.late_s: dict[str, float] = {}
        self._session = Session(Target(datasource_url=HttpUrl.parse(store.url)))

    def push(self, name: str, value: float, at_s: float, **labels: str) -> int:
        """Push one sample; returns the HTTP status, 0 when the store is away."""
        template = Template([encode_series(encode_labels({"__name__": name, **labels}.items()))])
        body = template.render(np.zeros(1, np.intp), np.array([value]), round(at_s * 1000)).compressed()
        try:
            return self._session.post("/api/v1/write", body, headers=HEADERS, max_bytes=10_000).status
        except SourceUnavailableError:  # a test may stop the store
            return 0

    def end(self, n: str) -> None:
        """Push a series no more, and say so by a stale marker, as a scrape does."""
        del self.values[n]
        self.push("level", float(STALE), time.time(), n=n, **self.labels)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            now_s = time.time()
            for name, value in list(self.values.items()):
                self.push("level", value, now_s - self.late_s.get(name, 0.0), n=name, **self.labels)
            stop.wait(EVERY_S)
        self._session.close()


@contextmanager
def fed(store: Daemon, *, labels: Mapping[str, str] | None = None, **values: float) -> Iterator[Feed]:
    """Push series as long as the block lasts."""
    feed, stop = Feed(store, labels=labels, **values), threading.Event()
    thread = threading.Thread(target=feed.run, args=(stop,))
    thread.start()
    try:
        yield feed
    finally:
        stop.set()
        thread.join()


def result(store: Daemon, expr: str, **parameters: float) -> list[dict[str, object]]:
    """The result of an instant query."""
    asked = urlencode({"query": expr, **parameters})
    with urlopen(f"{store.url}/api/v1/query?{asked}", timeout=10) as answer:
        found = json.loads(answer.read())["data"]["result"]
    return found if isinstance(found, list) else [found]


def number(store: Daemon, expr: str) -> float:
    """The value of an expression that has one, NaN where it has none."""
    found = result(store, expr)
    if not found:
        return float("nan")
    pair = found[0]["value"] if isinstance(found[0], dict) else found
    return float(pair[1])  # type: ignore[index]


def samples(store: Daemon, selector: str, *, until_s: float, seconds: int) -> dict[str, list[tuple[float, float]]]:
    """Raw samples (time, value) of each series by its label `n`, up to `until_s`, which may be in the future."""
    found = result(store, f"{selector}[{seconds}s]", time=until_s)
    return {
        str(one["metric"]["n"]): [(float(at), float(value)) for at, value in one["values"]]  # type: ignore[index, attr-defined]
        for one in found
    }
