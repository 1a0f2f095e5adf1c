"""The shipped alertmanager.yml and the webhook with the newest Alertmanager."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.fakes.daemons import Daemon, alertmanager, wait_until
from tests.fakes.newest import ALERTMANAGER, FETCH_LIMIT_S, newest
from tests.fakes.paging import Alerts, Paging, paging, total
from tests.fakes.webhook_process import Sink

pytestmark = [pytest.mark.newest, pytest.mark.timeout(FETCH_LIMIT_S)]
BATTERY = {"alertname": "UpsOnBattery", "severity": "critical", "domain": "power", "site": "A", "instance": "ups-1"}
DOWN = {"alertname": "WebhookDown", "severity": "critical", "domain": "meta", "service": "webhook"}
FIRST_RECEIVER = "  - name: heronwatch\n    webhook_configs:\n"
KNOWN = {
    "receiver", "status", "alerts", "groupLabels", "commonLabels", "commonAnnotations", "externalURL", "version",
    "groupKey", "truncatedAlerts",
}  # fmt: skip


@pytest.fixture
def last_leg(tmp_path: Path) -> Iterator[Paging]:
    with paging(tmp_path) as made:
        yield made


def test_its_payload_opens_one_incident_pages_once_and_resolves(last_leg: Paging) -> None:
    with Sink() as copy, last_leg.webhook() as webhook, newest(ALERTMANAGER, copying(last_leg, copy)) as daemon:
        alerts = Alerts(daemon)
        alerts.fire(BATTERY)
        wait_until(lambda: last_leg.messages("UpsOnBattery"), 20, "the page")
        wait_until(lambda: len(copy.received) >= 3, 30, "three posts of the same alert")
        assert len(last_leg.messages("UpsOnBattery")) == 1
        alerts.resolve(BATTERY)
        wait_until(lambda: last_leg.messages("UpsOnBattery", "resolved"), 30, "the message that it is over")
        assert len(last_leg.pages.received) == 2
        assert last_leg.stored("SELECT state FROM incident") == ["resolved"]
        assert total(webhook, "heronwatch_webhook_alerts_quarantined_total") == 0
        assert total(webhook, "heronwatch_webhook_intake_requests_total", 'code="200"') >= 3
        assert total(daemon, "alertmanager_notifications_failed_total") == 0
    assert any(set(body) > KNOWN for body in copy.received), "no newer field: this test proves nothing any more"


def test_it_loads_the_shipped_file_without_a_warning_and_mails_past_the_webhook(last_leg: Paging) -> None:
    with newest(ALERTMANAGER, last_leg.alertmanager(hurry=True)) as daemon:
        Alerts(daemon).fire(
            {"alertname": "WebhookDown", "severity": "critical", "domain": "meta", "service": "webhook"}
        )
        wait_until(lambda: last_leg.mailbox.mails, 25, "the mail past the webhook")
        complaints = [line for line in daemon.log().splitlines() if "level=WARN" in line or "level=ERROR" in line]
    assert complaints == []
    assert b"Subject: [FIRING 1] WebhookDown" in last_leg.mailbox.mails[0][2]


def copying(last_leg: Paging, copy: Sink) -> AbstractContextManager[Daemon]:
    """Alertmanager with the shipped file in a hurry; every post to the webhook goes to `copy` as well."""
    text = last_leg.alertmanager_config(hurry=True)
    assert FIRST_RECEIVER in text
    also = f"{FIRST_RECEIVER}      - url: {copy.url}\n"
    return alertmanager(last_leg.folder, text.replace(FIRST_RECEIVER, also))
