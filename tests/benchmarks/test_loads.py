"""The loads that benchmarks put on an exporter: nothing is asked twice at once, nothing missed goes uncounted."""

import asyncio
import gzip
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.http_load import load
from benchmarks.steady_load import Timetable, steady
from tests.fakes.tries import tried


class Server(ThreadingHTTPServer):
    """Answers /slow after a while, /broken with 500, /plain without gzip; notes what was asked for at once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.overlaps = 0
        self.busy: set[str] = set()
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.overlaps += self.path in self.server.busy
            self.server.busy.add(self.path)
            self.server.asked[self.path] += 1
        if self.path == "/slow":
            time.sleep(0.5)
        body = gzip.compress(b"up 1\n") if "gzip" in self.headers["Accept-Encoding"] else b""
        with self.server.lock:
            self.server.busy.discard(self.path)
        self.send_response(500 if self.path == "/broken" else 200)
        if self.path != "/plain":
            self.send_header("Content-Encoding", "gzip")
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def test_each_path_is_asked_by_one_connection_at_a_time(server: Server) -> None:
    found = load(server.server_port, [f"/{number}" for number in range(4)] + ["/chunked"], connections=4, seconds=0.3)
    assert (found.failures, found.plain, server.overlaps) == (0, 0, 0)
    assert len(found.latencies) == server.asked.total() > 10
    assert set(server.asked) == {"/0", "/1", "/2", "/3", "/chunked"}


def test_what_fails_or_comes_uncompressed_is_counted(server: Server) -> None:
    found = load(server.server_port, ["/plain", "/broken"], connections=2, seconds=0.1)
    assert (found.plain, found.failures) == (server.asked["/plain"], server.asked["/broken"])
    assert found.plain > 0 < found.failures


def test_more_connections_than_paths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 connections for 1 paths"):
        load(1, ["/"], connections=2, seconds=0.1)


def test_late_and_failed_scrapes_are_missed_and_the_rest_goes_on(server: Server) -> None:
    timetable = Timetable(4, interval_s=0.2, rounds=2)
    paths = ["/0", "/slow", "/broken", "/chunked"]
    expected = {"late": 2, "status 500": 2}, 8, 4, 2

    def counted() -> tuple[dict[str, int], int, int, int]:
        before = server.asked["/0"]
        found = steady(server.server_port, paths, timetable, timeout_s=0.3, tell=lambda _: None)
        return dict(found.missed), found.scrapes, len(found.latencies), server.asked["/0"] - before

    assert tried(counted, lambda found: found == expected) == expected


def test_a_server_that_has_gone_is_missed() -> None:
    async def closed_port() -> int:
        closing = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = int(closing.sockets[0].getsockname()[1])
        closing.close()
        await closing.wait_closed()
        return port

    found = steady(asyncio.run(closed_port()), ["/"], Timetable(1, interval_s=1, rounds=1), timeout_s=1, tell=print)
    assert found.missed == {"ConnectionRefusedError": 1}
