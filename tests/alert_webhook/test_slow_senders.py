"""A webhook that slow senders lean on, on both of its listeners, while alerts come in: ack links are answered."""

import http.client
import json
import socket
import sys
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.daemons import free_port
from tests.fakes.slow_senders import slow_senders
from tests.fakes.webhook_process import TOKEN, webhook, write_config

SENDERS = 300
ROUNDS = 5
INTAKE = "/api/v1/intake/alertmanager/am"
LINK = "/a/AAAAAAAAAAAAAAAAAAAAAA"  # well-formed: it is looked for in the database
SOON_S = 5.0  # on a machine that does other things, too; where nobody is dropped it takes more than ten
START = b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
STRANGER = (
    b"POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\nContent-Length: 50000000\r\n\r\n" % INTAKE.encode()
)
SMALL, LARGE = START % 50_000 + b"x", START % 1_000_000 + b"x" * 70_000


def alert(name: str) -> bytes:
    one = {
        "status": "firing",
        "labels": {"alertname": name},
        "startsAt": datetime.now(UTC).isoformat(),
        "fingerprint": name,
    }
    group = {"groupKey": name, "groupLabels": {"alertname": name}, "commonLabels": {}, "commonAnnotations": {}}
    return json.dumps({"version": "4", "status": "firing", "receiver": "r", "alerts": [one], **group}).encode()


def asked(port: int, method: str, path: str, body: bytes = b"") -> tuple[int, float]:
    """Return the status of one request, and how long it took."""
    begin = time.monotonic()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"} if path == INTAKE else {}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.monotonic() - begin


def refused_unread(port: int) -> bool:
    """Return whether a stranger is refused who has sent 70,000 bytes of 50,000,000, and sends no more."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(STRANGER + b"x" * 70_000)
        return sock.recv(100).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("start", [SMALL, LARGE], ids=["small bodies", "large bodies"])
def test_ack_links_callbacks_and_the_intake_answer(tmp_path: Path, start: bytes) -> None:
    main, public = free_port(), free_port()
    config = write_config(tmp_path, "http://127.0.0.1:9/")
    flags = (f"--web.listen-address=127.0.0.1:{main}", f"--web.public-listen-address=127.0.0.1:{public}")
    command = (sys.executable, "-m", "heronwatch", "webhook", "all", f"--config={config}", *flags)
    asks = [(port, method, LINK) for port in (main, public) for method in ("GET", "POST")]
    with webhook(config, port=main, command=command), ExitStack() as stack:
        for port in (main, public):
            stack.enter_context(slow_senders(("127.0.0.1", port), start, number=SENDERS))
        assert refused_unread(main)
        for number in range(ROUNDS):
            status, seconds = asked(main, "POST", INTAKE, alert(f"alert{number}"))
            assert (status, seconds < SOON_S) == (200, True)
            for port, method, path in [*asks, (public, "POST", "/callbacks/none")]:
                status, seconds = asked(port, method, path)
                assert (status, seconds < SOON_S) == (404, True), (port == public, method, path, seconds)
