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
MOST_WHY = 500  # characters of its reason that are passed on
REFUSALS = frozenset({409, 422})  # not as things are: its reason is for who asked; other answers are trouble of ours


class ToldDetector(Struct, frozen=True):
    """How it went: an HTTP status for the API, words for people."""

    status: int
    words: str


class _Refusal(Struct, frozen=True):
    """The detector's body of an answer other than 200, see `$defs` of tests/contracts/feedback.schema.json."""

    error: str


class FalseAlarms:
    """Tells the detector, where one is configured."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log = get_logger("heronwatch.webhook.feedback")

    def tell(self, incident_id: int, *, who: str, via: str) -> ToldDetector:
        """Send the detector the series of an incident's anomalies with the verdict "false_alarm".

        What it refuses (a series that did not alarm, say) is passed on with its reason; the other series are told.
        """
        block = self._parts.settings().detector
        if block is None:
            return ToldDetector(404, "no detector is configured")
        view, now = self._parts.store.read(lambda tx: (_view(tx, incident_id), tx.now))
        alerts = anomalies(view) if view else ()
        if not alerts:
            return ToldDetector(422, "no alert of this incident comes from the detector")
        answers = self._answers(block, alerts, now, who)
        taken, last = sum(one.status // 100 == 2 for one in answers), answers[-1]
        refused = next((one for one in answers if one.status in REFUSALS), None)
        if taken:
            of = f"{taken} series" if taken == len(alerts) else f"{taken} of {len(alerts)} series"
            words = f"the detector was told: false alarm ({of})"
            actions.note(self._parts, incident_id, text=words, who=who, via=via)
            return ToldDetector(200, words if refused is None else f"{words}; not of the others: {_why(refused)}")
        if refused is not None and last.status in REFUSALS:
            return ToldDetector(refused.status, f"the detector did not take it: {_why(refused)}")
        return ToldDetector(503, "the detector did not take it; nothing has changed")

    def _answers(self, block: DetectorBlock, alerts: tuple[AlertView, ...], now: float, who: str) -> list[PeerAnswer]:
        """Return what it says of each alert, up to the first that it neither takes nor refuses."""
        answers = []
        for alert in alerts:
            answers.append(_post(block, alert, now, who))
            status = answers[-1].status
            if status // 100 != 2:
                self._log.warning("the detector did not take a verdict", status=status, trouble=answers[-1].trouble)
                if status not in REFUSALS:
                    break
        return answers


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


def _why(answer: PeerAnswer) -> str:
    """Return the detector's reason, in one line."""
    try:
        words = " ".join(msgspec.json.decode(answer.body, type=_Refusal).error.split())[:MOST_WHY]
    except (msgspec.DecodeError, UnicodeDecodeError):
        words = ""
    return words or f"it answers {answer.status}"


def _view(tx: Transaction, incident_id: int) -> IncidentView | None:
    found = incidents.get(tx, incident_id)
    return views.incident_view(tx, found) if found else None
