"""What a template may use of a message: plain texts and numbers, bounded, and nothing that leads anywhere. Pure."""

from collections.abc import Mapping
from typing import Any

from alert_webhook.delivery.channel import AlertView, Message
from alert_webhook.delivery.plain import ago, clean, clock_time, cut, web_link
from alert_webhook.delivery.wording import is_test, notes, title_of
from alert_webhook.incidents.title import summary
from alert_webhook.oncall.wall import Zone

MAX_ALERTS = 10
MAX_PAIRS = 64
MAX_VALUE = 500
MAX_SHORT = 100


class Pairs(dict[str, str]):
    """Labels or annotations: one that is not there is ""."""

    def __missing__(self, name: str) -> str:
        """Return the value of a label that is not there."""
        return ""


def values_of(message: Message, *, link: bool) -> dict[str, Any]:
    """Return the names a template knows. `link`: this channel's text may hold the ack link, else it is ""."""
    incident, zone = message.incident, Zone(message.recipient.time_zone)
    return {
        "reason": message.reason.value,
        "test": is_test(message),
        "repeat": message.possible_duplicate,
        "step": message.step,
        "person": cut(message.recipient.name, MAX_SHORT),
        "ack_url": message.ack_url if link else "",
        "notes": list(notes(message)),
        "context": [cut(line, MAX_VALUE) for line in message.context],
        "incident": {
            "title": title_of(message),
            "code": incident.code,
            "severity": cut(incident.severity, MAX_SHORT),
            "state": incident.state,
            "labels": _pairs(incident.labels),
            "integration": incident.integration,
            "since": clock_time(incident.began_at, message.sent_at, zone),
            "ago": ago(message.sent_at - incident.began_at),
            "firing": incident.firing,
            "total": incident.total,
            "suppressed": incident.folded_total,
            "acked_by": cut(incident.acked_by, MAX_SHORT),
            "url": web_link(incident.source_url),
        },
        "alerts": [_alert(alert, message.sent_at, zone) for alert in incident.alerts[:MAX_ALERTS]],
    }


def _alert(alert: AlertView, now: float, zone: Zone) -> dict[str, Any]:
    return {
        "name": cut(alert.name, MAX_VALUE),
        "summary": cut(summary(alert.name, alert.labels, alert.annotations), MAX_VALUE),
        "description": cut(alert.annotations.get("description", ""), MAX_VALUE),
        "labels": _pairs(alert.labels),
        "annotations": _pairs(alert.annotations),
        "runbook": web_link(alert.annotations.get("runbook_url", "")),
        "url": web_link(alert.generator_url),
        "since": clock_time(alert.started_at, now, zone),
        "firing": alert.ended_at is None,
    }


def _pairs(pairs: Mapping[str, str]) -> Pairs:
    return Pairs({clean(name): cut(pairs[name], MAX_VALUE) for name in sorted(pairs)[:MAX_PAIRS]})
