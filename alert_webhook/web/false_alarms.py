"""Telling the detector that an alert was a false alarm. The incident stays as it is; its timeline says who told."""

import msgspec
from msgspec import Struct

from alert_webhook.delivery.channel import AlertView, IncidentView
from alert_webhook.incidents import actions
from alert_webhook.parts import Parts
from alert_webhook.peers import Peer, PeerAnswer
from alert_webhook.store import incidents, views
from alert_webhook.store.database import Transaction
from alert_webhook.web.blocks import DetectorBlock
from heronwatch.logs import get_logger

PATH = "/api/v1/feedback"
FALSE_ALARM = "false-alarm"  # the word of the forms
ALIAS = "for"  # the label by which every series of the detector names its query
MOST_TOLD = 5  # series of one incident
MAX_ANSWER_BYTES = 64 * 1024
MOST_WHO = 200  # characters; the detector takes no more


class ToldDetector(Struct, frozen=True):
    """How it went: an HTTP status for the API, words for people."""

    status: int
    words: str


class FalseAlarms:
    """Tells the detector, where one is configured."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log = get_logger("heronwatch.webhook.feedback")

    def tell(self, incident_id: int, *, who: str, via: str) -> ToldDetector:
        """Send the detector the series of an incident's anomalies with the verdict "false_alarm"."""
        block = self._parts.settings().detector
        if block is None:
            return ToldDetector(404, "no detector is configured")
        view, now = self._parts.store.read(lambda tx: (_view(tx, incident_id), tx.now))
        alerts = anomalies(view) if view else ()
        if not alerts:
            return ToldDetector(422, "no alert of this incident comes from the detector")
        for alert in alerts:
            answer = _post(block, alert, now, who)
            if answer.status // 100 != 2:
                self._log.warning("the detector did not take a verdict", status=answer.status, trouble=answer.trouble)
                return ToldDetector(503, "the detector did not take it; nothing has changed")
        words = f"the detector was told: false alarm ({len(alerts)} series)"
        actions.note(self._parts, incident_id, text=words, who=who, via=via)
        return ToldDetector(200, words)


def anomalies(view: IncidentView) -> tuple[AlertView, ...]:
    """Return the alerts of an incident that the detector's scores raised."""
    return tuple(alert for alert in view.alerts if alert.labels.get(ALIAS))[:MOST_TOLD]


def verdict(block: DetectorBlock, alert: AlertView, now: float, who: str) -> dict[str, object]:
    """Return what the detector is told about one alert: its series, from when to when, and what it was."""
    labels = {name: value for name, value in alert.labels.items() if name not in block.labels_left_out}
    end = now if alert.ended_at is None else alert.ended_at
    times = {"start": alert.started_at, "end": max(end, alert.started_at)}
    return {"labels": labels, **times, "verdict": "false_alarm", "who": who[:MOST_WHO]}


def _post(block: DetectorBlock, alert: AlertView, now: float, who: str) -> PeerAnswer:
    content = msgspec.json.encode(verdict(block, alert, now, who))
    peer = Peer(str(block.url), block)
    return peer.post(PATH, content=content, content_type="application/json", most_bytes=MAX_ANSWER_BYTES)


def _view(tx: Transaction, incident_id: int) -> IncidentView | None:
    found = incidents.get(tx, incident_id)
    return views.incident_view(tx, found) if found else None
