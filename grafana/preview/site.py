"""Serves the page, the committed dashboards and Prometheus's API on one loopback port, as the browser wants it."""

import contextlib
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
DASHBOARDS = HERE.parent / "dashboards"
ICONS = HERE / "node_modules/@grafana/ui/dist/public/img/icons"
FONTS = HERE / "node_modules/@fontsource/inter/files"
WEIGHTS = {"Regular": "inter-latin-400-normal.woff2", "Medium": "inter-latin-500-normal.woff2"}
UPSTREAM_TIMEOUT_S = 30
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


class Site(ThreadingHTTPServer):
    """The listener; `bundle` is the folder of the bundled page, `upstream` the address of Prometheus."""

    daemon_threads = True

    def __init__(self, bundle: Path, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream.rstrip("/")
        self.files = {
            "/": HERE / "src/page.html",
            "/bundle.js": bundle / "bundle.js",
            "/bundle.css": bundle / "bundle.css",
            **{f"/dashboards/{path.name}": path for path in DASHBOARDS.rglob("*.json")},
            **{f"/public/build/img/icons/{path.relative_to(ICONS)}": path for path in ICONS.rglob("*.svg")},
            **{f"/public/fonts/inter/Inter-{name}.woff2": FONTS / file for name, file in WEIGHTS.items()},
        }

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        found = self.server.files.get(self.path.partition("?")[0])
        if found is None:
            self._answer(404, "text/plain", b"no such file\n")
        else:
            self._answer(200, TYPES[found.suffix], found.read_bytes())

    def do_POST(self) -> None:
        if self.path not in {"/api/v1/query", "/api/v1/query_range"}:
            self._answer(404, "text/plain", b"only queries\n")
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = urllib.request.Request(  # noqa: S310 (the address is the operator's own argument)
            self.server.upstream + self.path, body, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        try:
            with urllib.request.urlopen(request, timeout=UPSTREAM_TIMEOUT_S) as answer:  # noqa: S310
                self._answer(answer.status, "application/json", answer.read())
        except urllib.error.HTTPError as refusal:  # Prometheus says why in the body
            self._answer(refusal.code, "application/json", refusal.read())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the library's)
        """Say nothing for each request."""


@contextlib.contextmanager
def serving(bundle: Path, upstream: str) -> Iterator[Site]:
    """Serve in a thread until the block ends."""
    site = Site(bundle, upstream)
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.shutdown()
        site.server_close()
        thread.join()
