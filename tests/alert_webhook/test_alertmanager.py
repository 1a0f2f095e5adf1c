"""The real Alertmanager posts to the real webhook, and a provider receives the pages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fakes.daemons import Daemon, alertmanager, free_port, wait_until
from tests.fakes.webhook_process import TOKEN, Sink, webhook, write_config

pytestmark = pytest.mark.alertmanager
ROUTES = """
route:
  receiver: heronwatch
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 2s
receivers:
  - name: heronwatch
    webhook_configs:
      - url: http://127.0.0.1:{port}/api/v1/intake/alertmanager/am
        send_resolved: true
        max_alerts: 0
        http_config: {{authorization: {{credentials: {token}}}}}
"""


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def push(am: Daemon, name: str, *, ends_in_s: float = 300.0, **labels: str) -> None:
    alert = {
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": f"{name} happened"},
        "startsAt": rfc3339(STARTED),
        "endsAt": rfc3339(time.time() + ends_in_s),
    }
    requests.post(f"{am.url}/api/v2/alerts", json=[alert], timeout=20).raise_for_status()


STARTED = time.time() - 60


class Setup:
    """What a test needs: where the webhook listens, its configuration, Alertmanager and the provider."""

    def __init__(self, port: int, config: Path, am: Daemon, sink: Sink) -> None:
        self.port, self.config, self.am, self.sink = port, config, am, sink

    def pages(self, reason: str) -> list[dict[str, Any]]:
        return [page for page in self.sink.received if page["reason"] == reason]


@contextmanager
def setup(tmp_path: Path) -> Iterator[Setup]:
    port = free_port()
    with Sink() as sink, alertmanager(tmp_path, ROUTES.format(port=port, token=TOKEN)) as am:
        yield Setup(port, write_config(tmp_path, sink.url), am, sink)


def metric(daemon: Daemon, line: str) -> bool:
    return line in requests.get(f"{daemon.url}/metrics", timeout=20).text


@pytest.mark.timeout(90)
def test_an_alert_pages_once_and_its_end_is_told(tmp_path: Path) -> None:
    with setup(tmp_path) as here, webhook(here.config, port=here.port) as daemon:
        push(here.am, "LinkDown", instance="sw1")
        wait_until(lambda: here.pages("page"), 15, "the page")
        received = 'heronwatch_webhook_alerts_received_total{integration="am",status="firing"}'
        wait_until(lambda: not metric(daemon, f"{received} 1.0"), 15, "a repeated notification")
        push(here.am, "LinkDown", instance="sw1", ends_in_s=-1)
        wait_until(lambda: here.pages("resolved"), 15, "the resolve notice")
        assert len(here.pages("page")) == 1
        assert "LinkDown" in str(here.pages("page")[0])


@pytest.mark.timeout(120)
def test_a_webhook_that_was_down_misses_no_alert_that_still_fires(tmp_path: Path) -> None:
    with setup(tmp_path) as here:
        push(here.am, "DownMeanwhile")
        errors = f"{here.am.url}/metrics"
        failed = 'alertmanager_notification_requests_failed_total{integration="webhook"} 0'
        wait_until(lambda: failed not in requests.get(errors, timeout=20).text, 30, "a failed attempt")
        with webhook(here.config, port=here.port):
            wait_until(lambda: here.pages("page"), 40, "the page")
            assert "DownMeanwhile" in str(here.pages("page"))


@pytest.mark.timeout(90)
def test_a_group_of_many_alerts_is_one_page(tmp_path: Path) -> None:
    with setup(tmp_path) as here, webhook(here.config, port=here.port) as daemon:
        for number in range(50):
            push(here.am, "PortDown", port=str(number))
        wait_until(lambda: here.pages("page"), 15, "the page")
        received = 'heronwatch_webhook_incidents{state="new"} 1.0'
        wait_until(lambda: metric(daemon, received), 15, "one incident")
        assert len(here.pages("page")) == 1
