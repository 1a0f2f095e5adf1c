"""Prometheus, Alertmanager and the webhook together, with the shipped rules and routes: what the demo does not play."""

import json
import re
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest

from anomaly_detector.sink.remote_write import HEADERS
from anomaly_detector.sink.wire import Template, encode_labels, encode_series
from tests.fakes.daemons import Daemon, prometheus, wait_until
from tests.fakes.paging import ROOT, Alerts, Paging, paging, total

pytestmark = pytest.mark.timeout(180)  # real daemons one after another, on a machine that may be busy
META = {"domain": "meta", "scope": "site", "team": "monitoring"}
STALLED_AFTER_S = 8  # in place of 240 s
RULES = ROOT / "prometheus" / "rules" / "meta.yml"
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s, scrape_timeout: 1s}}
rule_files: ["{rules}"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]}}
scrape_configs: [{{job_name: alertmanager, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""


@pytest.fixture
def last_leg(tmp_path: Path) -> Iterator[Paging]:
    with paging(tmp_path) as made:
        yield made


def test_an_alert_about_the_webhook_reaches_a_person_while_the_webhook_is_dead(last_leg: Paging) -> None:
    down = {"alertname": "WebhookDown", "severity": "critical", "service": "webhook", **META}
    with last_leg.alertmanager(hurry=False) as daemon:  # nothing listens at the webhook's port
        Alerts(daemon).fire(down)
        wait_until(lambda: last_leg.mailbox.mails, 25, "the mail past the webhook")
        sender, recipients, content = last_leg.mailbox.mails[0]
        assert total(daemon, "alertmanager_notifications_total", 'integration="webhook"') == 0
    mail = message_from_bytes(content, policy=policy.default)
    assert (sender, recipients) == ("alertmanager@heronwatch.invalid", ["oncall@heronwatch.invalid"])
    assert mail["Subject"] == "[FIRING 1] WebhookDown"
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "FIRING: about WebhookDown" in text
    assert "severity critical, since 20" in text
    assert last_leg.pages.received == []


def test_signs_of_life_are_counted_and_open_no_incident(last_leg: Paging) -> None:
    always = [{"alertname": name, "severity": "none", **META} for name in ("Watchdog", "MonitoringFresh")]
    with last_leg.webhook() as webhook, last_leg.alertmanager(hurry=True) as daemon:
        Alerts(daemon).fire(*always)
        received = "heronwatch_webhook_alerts_received_total", 'integration="main"', 'status="firing"'
        wait_until(lambda: total(webhook, *received) >= 6, 30, "three posts of each sign of life")
        Alerts(daemon).fire({"alertname": "UpsOnBattery", "severity": "critical", "domain": "power", "site": "A"})
        wait_until(lambda: last_leg.messages("UpsOnBattery"), 20, "the page of an alert that pages")
        assert total(webhook, "heronwatch_webhook_intake_requests_total", 'code="200"') >= 7
        assert len(last_leg.pages.received) == 1
        assert len(last_leg.stored("SELECT code FROM incident")) == 1
    assert set(last_leg.stored("SELECT name FROM alert")) == {"Watchdog", "MonitoringFresh", "UpsOnBattery"}
    assert last_leg.mailbox.mails == []


def test_a_prometheus_that_stores_nothing_more_pages_a_person(last_leg: Paging, tmp_path: Path) -> None:
    """One sample from the future ends all ingestion of 2.42, and the Watchdog goes on: IngestStalled tells."""
    rules = tmp_path / "meta.yml"
    rules.write_text(shortened(RULES.read_text()))
    with last_leg.webhook(), last_leg.alertmanager(hurry=True) as alerting:
        config = CONFIG.format(rules=rules, port=alerting.port)
        with prometheus(tmp_path, config) as daemon:
            wait_until(lambda: firing(daemon) == {"Watchdog", "MonitoringFresh"}, 20, "fresh samples")
            wait_until(
                lambda: set(last_leg.stored("SELECT name FROM alert")) >= firing(daemon), 20, "both at the intake"
            )
            push_from_the_future(daemon)
            wait_until(lambda: firing(daemon) == {"Watchdog", "IngestStalled"}, 30, "the stall to be noticed")
            wait_until(lambda: last_leg.messages("IngestStalled"), 20, "the page")
    (page,) = last_leg.messages("IngestStalled")
    assert page["incident"]["severity"] == "critical"
    assert last_leg.pages.received == [page]


def shortened(text: str) -> str:
    """The shipped rules, with seconds in place of minutes."""
    text, number = re.subn(r"(timestamp\(up\)\) [<>]) 240", rf"\1 {STALLED_AFTER_S}", text)
    assert number == 2
    return text


def firing(daemon: Daemon) -> set[str]:
    """Names of the alerts that Prometheus itself says are firing."""
    with urlopen(f"{daemon.url}/api/v1/alerts", timeout=20) as answer:
        alerts: list[dict[str, Any]] = json.load(answer)["data"]["alerts"]
    return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


def push_from_the_future(daemon: Daemon) -> None:
    """Remote-write one sample three hours ahead, as a careless forecaster would; 2.42 takes it."""
    template = Template([encode_series(encode_labels({"__name__": "forecast"}.items()))])
    batch = template.render(np.array([0]), np.array([1.0]), round((time.time() + 3 * 3600) * 1000))
    try:
        urlopen(Request(f"{daemon.url}/api/v1/write", batch.compressed(), HEADERS), timeout=20).close()
    except HTTPError as refusal:
        refusal.close()
        pytest.skip(f"needs Prometheus 2.42: the installed one answers {refusal.code} to a sample from the future")
