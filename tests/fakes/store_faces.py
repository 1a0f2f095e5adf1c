"""Mimir's and Thanos' faces in front of a real Prometheus: their paths, tenants, limits and ways to refuse.

Neither can be had as a package, so their documents and sources (facts, not code) say what they answer; the samples
lie in a Prometheus. Both store what is good of a request and refuse it all the same.
"""

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import cramjam

from tests.fakes.daemons import LOOPBACK, Daemon

Answer = tuple[int, bytes, Mapping[str, str]]
TENANT, THANOS_TENANT = "plant", "line-1"
OUT_OF_ORDER = (
    "user=plant: the sample has been rejected because another sample with a more recent timestamp has already been "
    "ingested and out-of-order samples are not allowed (err-mimir-sample-out-of-order)"
)
FULL = "user=plant: per-user series limit of {} exceeded (err-mimir-max-series-per-user)"


class Face:
    """What all of them have: a Prometheus behind, and how often they were asked what."""

    def __init__(self, store: Daemon) -> None:
        self.store = store
        self.asked: dict[str, int] = {}

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a request; 404 for a path that this server does not have."""
        raise NotImplementedError

    def behind(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Ask the Prometheus behind."""
        client = http.client.HTTPConnection(LOOPBACK, self.store.port, timeout=20)
        kept = {name: value for name, value in headers.items() if name.lower() in {"content-type", "content-encoding"}}
        client.request(method, path, body or None, kept)
        answer = client.getresponse()
        content = answer.read()
        client.close()
        return answer.status, content, {"Content-Type": answer.getheader("Content-Type") or ""}

    def store_good(self, headers: Mapping[str, str], body: bytes) -> int:
        """Store what is good of a remote write; return how many series were refused."""
        status, _, _ = self.behind("POST", "/api/v1/write", headers, body)
        if status < 300:
            return 0
        parts = [packed(one) for one in series_of(body)]
        return sum(self.behind("POST", "/api/v1/write", headers, part)[0] >= 300 for part in parts)


class Mimir(Face):
    """Reads below `/prometheus`, writes to `/api/v1/push`, nothing without a tenant."""

    def __init__(self, store: Daemon) -> None:
        super().__init__(store)
        self.most_series: int | None = None
        self.throttled = 0  # pushes still to be answered by 429
        self.longest_s = float("inf")  # of a query
        self._known: set[bytes] = set()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if headers.get("X-Scope-OrgID") != TENANT:
            return 401, b"no org id\n", {}
        if path == "/api/v1/push":
            return self._push(headers, body) if method == "POST" else (405, b"", {})
        if path == "/prometheus/api/v1/query_range":
            asked = parse_qs(body.decode())
            if float(asked["end"][0]) - float(asked["start"][0]) > self.longest_s:
                return refusal(422, "the total query time range exceeds the limit (err-mimir-max-total-query-length)")
        if path.startswith("/prometheus/api/v1/"):
            return self.behind(method, path.removeprefix("/prometheus"), headers, body)
        return 404, b"404 page not found\n", {}

    def _push(self, headers: Mapping[str, str], body: bytes) -> Answer:
        if self.throttled:
            self.throttled -= 1
            words = "the request has been rejected because the tenant exceeded the ingestion rate limit"
            return 429, f"{words} (err-mimir-tenant-max-ingestion-rate)".encode(), {"Retry-After": "1"}
        series = series_of(body)
        if self.most_series is not None:
            new = [one for one in series if name_of(one) not in self._known]
            refused = new[max(0, self.most_series - len(self._known)) :]
            kept = [one for one in series if one not in refused]
            self._known |= {name_of(one) for one in kept}
            if kept:
                self.store_good(headers, packed(b"".join(kept)))
            return (400, FULL.format(self.most_series).encode(), {}) if refused else (200, b"", {})
        return (400, OUT_OF_ORDER.encode(), {}) if self.store_good(headers, body) else (200, b"", {})


class ThanosQuery(Face):
    """Answers queries, with warnings; no remote read. `away`: a store does not answer."""

    away = False

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if path not in {"/api/v1/query", "/api/v1/query_range"}:
            return 404, b"404 page not found\n", {}
        words = "no store answered for: receive store info"
        if self.away and path.endswith("query_range"):
            if parse_qs(body.decode()).get("partial_response") == ["false"]:
                return refusal(422, words)
            empty = {"status": "success", "data": {"resultType": "matrix", "result": []}, "warnings": [words]}
            return 200, json.dumps(empty).encode(), {"Content-Type": "application/json"}
        status, content, more = self.behind(method, path, headers, body)
        if status == 200:
            content = content.rstrip()[:-1] + f',"warnings":["{words}"]}}'.encode()
        return status, content, more


class ThanosReceive(Face):
    """Takes remote write at `/api/v1/receive`, under the tenant that a header names."""

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if (method, path) != ("POST", "/api/v1/receive") or headers.get("THANOS-TENANT") != THANOS_TENANT:
            return 404, b"404 page not found\n", {}
        words = b"store locally for endpoint 127.0.0.1:10901: conflict\n"
        return (409, words, {}) if self.store_good(headers, body) else (200, b"", {})


@contextlib.contextmanager
def faced(face: Face) -> Iterator[str]:
    """Serve a face on a free port; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            path = self.path.partition("?")[0]
            face.asked[path] = face.asked.get(path, 0) + 1
            status, content, more = face.answer(self.command, path, dict(self.headers.items()), body)
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refusal(status: int, words: str) -> Answer:
    """An error as the query API words it."""
    told = {"status": "error", "errorType": "execution", "error": words}
    return status, json.dumps(told).encode(), {"Content-Type": "application/json"}


def series_of(body: bytes) -> list[bytes]:
    """The TimeSeries of a remote write, tag and length included."""
    raw, out, at = bytes(cramjam.snappy.decompress_raw(body)), [], 0
    while at < len(raw):
        size, shift, here = 0, 0, at + 1
        while True:
            size |= (raw[here] & 0x7F) << shift
            shift, here = shift + 7, here + 1
            if raw[here - 1] < 0x80:
                break
        out.append(raw[at : here + size])
        at = here + size
    return out


def name_of(series: bytes) -> bytes:
    """What tells a series from others: all but the sample at its end."""
    return series[:-18]


def packed(body: bytes) -> bytes:
    """A body as a snappy block."""
    return bytes(cramjam.snappy.compress_raw(body))
