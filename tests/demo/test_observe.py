"""What the demo reads from messages and pages."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from demo.observe import ack_link, acknowledge

PAGE = """<form method="post"><input type="hidden" name="csrf" value="tok">
<input type="hidden" name="action" value="ack">
<button type="submit">Acknowledge</button></form>"""


@pytest.fixture
def ack_page() -> Iterator[tuple[str, list[str]]]:
    posted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(PAGE)

        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._answer("Acknowledged by Ana")

        def _answer(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/a/token", posted
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_link_is_found_in_a_message() -> None:
    assert ack_link("CRITICAL x\nAck: http://127.0.0.1:9813/a/Zm9v_-A\nbye") == "http://127.0.0.1:9813/a/Zm9v_-A"
    assert ack_link("no link here") is None


def test_pressing_the_button_sends_what_the_form_holds(ack_page: tuple[str, list[str]]) -> None:
    link, posted = ack_page
    assert acknowledge(link) == (200, "Acknowledged by Ana")
    assert posted == ["csrf=tok&action=ack"]
