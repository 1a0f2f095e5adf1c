"""Interface counters with a daily rhythm: a past to back-fill a Prometheus with, and a present to be scraped."""

import contextlib
import math
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.fakes.daemons import LOOPBACK, Daemon, find_binary, free_port, http_ok, running

DAY_S = 86_400.0
METRIC = "ifHCInOctets"


def history_times(now_s: float, *, days: float, every_s: float, fine_s: float, fine_for_s: float) -> list[float]:
    """Times of a past up to now: `every_s` apart, and `fine_s` apart for the last `fine_for_s`.

    The last minutes are as close as the live scrapes will be: rate() over samples of two distances is too low.
    """
    change_s = now_s - fine_for_s
    coarse = [change_s - every_s * number for number in range(int(days * DAY_S / every_s), 0, -1)]
    return coarse + [change_s + fine_s * number for number in range(int(fine_for_s / fine_s))]


class Traffic:
    """One counter for each interface; `factor` multiplies the traffic of an interface from now on."""

    def __init__(self, interfaces: tuple[str, ...], *, seed: int = 1, noise: float = 0.03) -> None:
        self.interfaces = interfaces
        self.factor = dict.fromkeys(interfaces, 1.0)
        self._random = random.Random(seed)
        self._noise = noise
        self._octets = dict.fromkeys(interfaces, 0.0)
        self._at_s = 0.0

    def rate(self, interface: str, time_s: float) -> float:
        """Octets per second without noise and factor."""
        size = 1e6 * (1 + self.interfaces.index(interface))
        return size * (1 + 0.6 * math.sin(2 * math.pi * time_s / DAY_S))

    def advance(self, time_s: float) -> None:
        """Count up to a time; the noise of each advance is its own."""
        for interface in self.interfaces:
            grown = self.rate(interface, time_s) * (time_s - self._at_s) * self._random.gauss(1, self._noise)
            self._octets[interface] += grown * self.factor[interface]
        self._at_s = time_s

    def past(self, times_s: Sequence[float]) -> str:
        """OpenMetrics text of the counters at these times, with the labels that a scrape would give them."""
        self._at_s = times_s[0]
        lines = [f"# TYPE {METRIC} unknown"]
        rows: dict[str, list[str]] = {interface: [] for interface in self.interfaces}
        for time_s in times_s:
            self.advance(time_s)
            for interface, octets in self._octets.items():
                rows[interface].append(
                    f'{METRIC}{{ifName="{interface}",instance="sw1",job="snmp"}} {octets:.0f} {time_s:.3f}'
                )
        return "\n".join([*lines, *(line for row in rows.values() for line in row), "# EOF", ""])

    def text(self) -> str:
        """The counters now, as a scrape gets them."""
        self.advance(time.time())
        return "".join(f'{METRIC}{{ifName="{name}"}} {octets:.0f}\n' for name, octets in self._octets.items())


@contextlib.contextmanager
def exporter(traffic: Traffic) -> Iterator[str]:
    """Serve the counters on a free port; yields host:port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = traffic.text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def backfilled_prometheus(tmp_path: Path, config: str, openmetrics: str) -> Iterator[Daemon]:
    """Prometheus whose storage holds a past from its first moment on (promtool makes the blocks)."""
    binary, promtool = find_binary("prometheus", "prometheus"), find_binary("promtool", "prometheus")
    folder = tmp_path / "backfilled"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "past.om").write_text(openmetrics)
    (folder / "prometheus.yml").write_text(config)
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", "past.om", "data"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=60,
    )
    port = free_port()
    command = [
        binary,
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--web.enable-remote-write-receiver",
        "--web.console.libraries=",
        "--web.console.templates=",
    ]
    with running(
        "prometheus", command, directory=folder, port=port, ready=lambda d: http_ok(f"{d.url}/-/ready")
    ) as daemon:
        yield daemon
