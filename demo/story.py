"""The incident the demo plays, and what each step of it must lead to."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo.history import Traffic, ups_on_battery, ups_on_mains
from demo.observe import Prometheus, ack_link, acknowledge, alertmanager_has, fetch, wait_until
from demo.sinks import Inbox
from demo.site import FIRST, SECOND, UPS, Site

DRIFT_FACTOR = 3.0
ESCALATION_DELAY_S = 30.0
MESSAGE_PATIENCE_S = 40.0  # Alertmanager waits ten seconds for the group, the webhook for nothing
QUIET_AFTER_S = ESCALATION_DELAY_S + 10  # nobody else was paged by then: the escalation has stopped
UPLINK_QUERY = "interface_traffic_in"  # what the detector calls the way in which the uplink's traffic is seen
POWER_ALERT, ANOMALY_ALERT = "UpsOnBattery", "AnomalyDetected"


@dataclass
class Verdict:
    """What was checked, what came of it, and how long the way from the fault to the first message was."""

    checks: dict[str, bool] = field(default_factory=dict)
    seconds_fault_to_message: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the last line of `--check`."""
        seconds = self.seconds_fault_to_message
        return {
            "ok": bool(self.checks) and all(self.checks.values()),
            "seconds_fault_to_message": round(seconds, 1) if seconds is not None else None,
            "checked": self.checks,
        }


class Story:
    """Plays the incident and notes what it led to."""

    def __init__(self, site: Site, traffic: Traffic, inbox: Inbox, say: Callable[[str], None]) -> None:
        self._site = site
        self._traffic = traffic
        self._inbox = inbox
        self._say = say
        self._prometheus = Prometheus(site.url(site.prometheus_port))
        self.verdict = Verdict()

    def every_device_scraped(self, devices: set[str], deadline: float) -> None:
        """Wait until Prometheus has scraped every device with success."""

        def scraped() -> bool:
            up = {labels["instance"] for labels, value in self._prometheus.query("up") if value == 1}
            failing = {labels["instance"] for labels, value in self._prometheus.query("probe_success") if value != 1}
            return devices <= up - failing

        self._note("every_device_scraped", wait_until(scraped, deadline), f"{len(devices)} devices scraped")

    def score_is_calm(self, deadline: float) -> None:
        """Wait until the detector has a score of the uplink, and finds nothing unusual."""
        calm = wait_until(lambda: any(score <= 1 for score in self._scores()), deadline)
        self._note("score_below_1_at_first", calm, f"its anomaly score before: {self._scores_told()}")

    def uplink_drifts(self) -> None:
        """Let the uplink's traffic leave its band."""
        self._traffic.drift(self._site, time.time(), DRIFT_FACTOR)
        labels = self._traffic.uplink.labels
        self._say(
            f"the uplink {labels['ifName']} of {labels['instance']} now carries {DRIFT_FACTOR:g} times its traffic"
        )

    def score_passes_one(self, deadline: float) -> None:
        """Wait until the detector's score of the uplink, in Prometheus, is above 1."""
        passed = wait_until(lambda: any(score > 1 for score in self._scores()), deadline)
        self._note("score_passed_1", passed, f"its anomaly score: {self._scores_told()}")

    def ups_fails(self, deadline: float) -> None:
        """Put the UPS on battery and wait for the alert and the messages."""
        fault = time.time()
        ups_on_battery(self._site, UPS, fault)
        self._say(f"{UPS} runs on battery; an ordinary rule waits a minute before it pages")
        alertmanager = self._site.url(self._site.alertmanager_port)
        reached = wait_until(lambda: alertmanager_has(alertmanager, POWER_ALERT), deadline)
        self._note("alert_reached_alertmanager", reached, f"{POWER_ALERT} reached Alertmanager")
        for kind, to in (("sms", FIRST.phone), ("mail", FIRST.mail)):
            patience = min(deadline, time.monotonic() + MESSAGE_PATIENCE_S)
            arrived = wait_until(lambda kind=kind, to=to: bool(self._power_pages(kind, to)), patience)  # type: ignore[misc]
            self._note(f"{kind}_arrived", arrived, f"{kind} for {FIRST.name}")
        pages = self._power_pages("sms", FIRST.phone) + self._power_pages("mail", FIRST.mail)
        if pages:
            self.verdict.seconds_fault_to_message = min(page.at for page in pages) - fault
        label = self._traffic.uplink.labels["ifName"]
        named = any("anomal" in page.text.lower() or label in page.text for page in pages)
        self._note("message_names_the_anomaly", named, "the message names the anomaly beside it")

    def somebody_acknowledges(self, deadline: float) -> None:
        """Follow the link in the message, press the button, and see that the escalation ends there."""
        pages = self._power_pages("sms", FIRST.phone) + self._power_pages("mail", FIRST.mail)
        link = next((link for link in (ack_link(page.text) for page in pages) if link), None)
        if link is None:
            self._note("acknowledged", False, "there was no ack link in the message")
            return
        looked, _page = fetch(link)
        still_open = not self._is_acknowledged(link)
        self._note("looking_changes_nothing", looked == 200 and still_open, "opening the link alone changed nothing")
        status, _page = acknowledge(link)
        done = wait_until(lambda: self._is_acknowledged(link), min(deadline, time.monotonic() + 10))
        self._note("acknowledged", status in (200, 303) and done, f"{FIRST.name} pressed Acknowledge")
        quiet_until = max(page.at for page in pages) + QUIET_AFTER_S
        paged = wait_until(self._second_was_paged, min(deadline, time.monotonic() + quiet_until - time.time()))
        waited = time.time() >= quiet_until - 1
        self._note("escalation_stopped", waited and not paged, f"{SECOND.name} was left in peace")

    def all_is_well_again(self) -> None:
        """End the incident."""
        ups_on_mains(self._site, UPS)

    def _scores(self) -> list[float]:
        labels = self._traffic.uplink.labels
        told = {"instance": labels["instance"], "ifIndex": labels["ifIndex"], "for": UPLINK_QUERY}
        matchers = ",".join(f'{name}="{value}"' for name, value in told.items())
        return [value for _labels, value in self._prometheus.query(f"anomaly_score{{{matchers}}}")]

    def _scores_told(self) -> str:
        return ", ".join(f"{score:.1f}" for score in self._scores()) or "none"

    def _second_was_paged(self) -> bool:
        return bool(self._power_pages("sms", SECOND.phone) or self._power_pages("mail", SECOND.mail))

    def _power_pages(self, kind: str, to: str) -> list[Any]:
        return [message for message in self._inbox.all(kind=kind, to=to) if UPS in message.text]

    def _is_acknowledged(self, link: str) -> bool:
        _status, page = fetch(link)
        return "acknowledged by" in page.lower()

    def _note(self, check: str, passed: bool, text: str) -> None:
        self.verdict.checks[check] = passed
        self._say(f"{'ok ' if passed else 'NOT'} {text}")
