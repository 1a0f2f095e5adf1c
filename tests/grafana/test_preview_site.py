"""What the preview serves to the browser, and what it does not."""

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from grafana.preview.site import serving


class Refusing(BaseHTTPRequestHandler):
    """In Prometheus's place: refuses every query with a reason, as Prometheus does."""

    def do_POST(self) -> None:
        query = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["query"][0]
        self.send_response(400)
        self.end_headers()
        self.wfile.write(json.dumps({"status": "error", "error": f"cannot parse {query}"}).encode())

    def log_message(self, *arguments: object) -> None:
        """Silent."""


@pytest.fixture
def upstream() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture
def address(tmp_path: Path, upstream: str) -> Iterator[str]:
    (tmp_path / "bundle.js").write_text("the bundle")
    with serving(tmp_path, upstream) as site:
        yield site.url


def fetch(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read()


def test_page_bundle_and_boards_are_served(address: str) -> None:
    assert b"bundle.js" in fetch(address)[1]
    assert fetch(address + "bundle.js") == (200, b"the bundle")
    assert json.loads(fetch(address + "dashboards/heronwatch-home.json?x=1")[1])["uid"] == "heronwatch-home"


@pytest.mark.parametrize("path", ["../../../etc/passwd", "dashboards/../../pyproject.toml", "nothing"])
def test_no_other_file_is_served(address: str, path: str) -> None:
    assert fetch(address + path)[0] == 404


def test_a_refused_query_keeps_its_reason(address: str) -> None:
    status, body = fetch(address + "api/v1/query", b"query=rate(x)")
    assert status == 400
    assert json.loads(body)["error"] == "cannot parse rate(x)"


def test_only_queries_are_passed_on(address: str) -> None:
    assert fetch(address + "api/v1/admin/tsdb/snapshot", b"")[0] == 404
