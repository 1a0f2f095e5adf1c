"""The real Alertmanager sends a body that is too large for the real webhook: no alert of it is lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fakes.daemons import Daemon, alertmanager, free_port, wait_until
from tests.fakes.webhook_process import TOKEN, Sink, webhook, write_config

pytestmark = pytest.mark.alertmanager
ALERTS = 40
TEXT = "x" * 40_000  # of each alert: 1.6 MB in all, which is more than the listener takes with this max_body
MAX_BODY = 100_000
MANY_BYTES = 200 << 20
ROUTES = """
route: {{receiver: heronwatch, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: heronwatch
    webhook_configs:
      - url: http://127.0.0.1:{port}/api/v1/intake/alertmanager/am
        http_config: {{authorization: {{credentials: {token}}}}}
"""


@contextmanager
def sender(tmp_path: Path, port: int) -> Iterator[Daemon]:
    """An Alertmanager whose first notification is larger than `max_body`."""
    labels = {"alertname": "Down", "severity": "critical"}
    alerts = [{"labels": {**labels, "port": str(n)}, "annotations": {"text": TEXT}} for n in range(ALERTS)]
    with alertmanager(tmp_path, ROUTES.format(port=port, token=TOKEN)) as am:
        requests.post(f"{am.url}/api/v2/alerts", json=alerts, timeout=20).raise_for_status()
        yield am


def configure(folder: Path, sink: Sink, *urls: str) -> Path:
    path = write_config(folder, sink.url)
    more = f"policy: default, max_body: {MAX_BODY}B, alertmanager: {{urls: [{', '.join(urls)}], every: 1h}}"
    path.write_text(path.read_text().replace("policy: default", more, 1))
    return path


def counted(daemon: Daemon, outcome: str) -> float:
    name = f'heronwatch_webhook_intake_oversized_total{{integration="am",outcome="{outcome}"}} '
    lines = requests.get(f"{daemon.url}/metrics", timeout=20).text.splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)


def pages(sink: Sink) -> list[Any]:
    return [page for page in sink.received if page["reason"] == "page"]


def peak_kb(daemon: Daemon) -> int:
    status = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def large(total: int) -> Iterator[bytes]:
    """A body of Alertmanager's form, made as it is sent."""
    head = b'{"receiver":"heronwatch","status":"firing","alerts":[{"labels":{"a":"'
    tail = b'"}}],"groupLabels":{"alertname":"Down"},"commonLabels":{},"version":"4","groupKey":"g"}'
    yield head
    left = total - len(head) - len(tail)
    while left > 0:
        yield b"x" * min(left, 1 << 20)
        left -= 1 << 20
    yield tail


@pytest.mark.timeout(180)
def test_what_is_too_large_comes_from_the_api_and_waits_while_that_is_away(tmp_path: Path) -> None:
    port = free_port()
    with Sink() as sink, sender(tmp_path, port) as am:
        config = configure(tmp_path, sink, f"http://127.0.0.1:{free_port()}")
        with webhook(config, port=port) as daemon:
            wait_until(lambda: counted(daemon, "again") >= 1, 30, "a body that was to come again")
            assert not pages(sink)
            configure(tmp_path, sink, am.url)
            daemon.process.send_signal(1)  # SIGHUP: the API is there now
            wait_until(lambda: pages(sink), 40, "the page")
            assert counted(daemon, "completed") >= 1
            assert counted(daemon, "refused") == 0
            assert pages(sink)[0]["incident"]["total"] == ALERTS
            assert len(pages(sink)) == 1

            before = peak_kb(daemon)
            url, began = f"http://127.0.0.1:{port}/api/v1/intake/alertmanager/am", time.monotonic()
            answer = requests.post(  # in chunks; Alertmanager says how long its bodies are
                url, data=large(MANY_BYTES), headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60
            )
            assert answer.json() == {"status": "completed by Alertmanager's API", "accepted": ALERTS, "quarantined": 0}
            assert time.monotonic() - began < 60
            assert peak_kb(daemon) - before < 40_000
