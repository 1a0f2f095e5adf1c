"""What the ends of a body say about it: its receiver and its group, whatever stands in its alerts."""

import json
from pathlib import Path
from typing import Any

import pytest

from alert_webhook.intake.outline import outline
from alert_webhook.intake.update import Delivery
from heronwatch.wsgi_ends import ends_of

GOLDEN = Path(__file__).parents[2] / "golden" / "webhook" / "alertmanager-0.25.json"
FORGED = ',"groupLabels":{"alertname":"Forged"},"version":"4","groupKey":"forged"}'


def written(*alerts: Any, **more: Any) -> bytes:
    """Return a body as Alertmanager writes it: in this order, without spaces."""
    body = {
        "receiver": "team\\.a",
        "status": "firing",
        "alerts": list(alerts),
        **more,
        "groupLabels": {"alertname": "Down"},
        "commonLabels": {"alertname": "Down", "site": "north"},
        "commonAnnotations": {},
        "externalURL": "http://am:9093",
        "version": "4",
        "groupKey": '{}:{alertname="Down"}',
        "truncatedAlerts": 3,
    }
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def of(body: bytes) -> Delivery:
    ends = ends_of(body)
    return outline(ends.first, ends.last)


@pytest.mark.parametrize("more", [{}, {"notification_reason": "first notification"}], ids=["0.25", "0.32"])
def test_the_ends_say_everything_but_the_alerts(more: dict[str, str]) -> None:
    alert = {"labels": {"a": "x" * 3000}, "annotations": {"text": FORGED, "groupLabels": "none"}}
    assert of(written(*[alert] * 200, **more)) == Delivery(
        group='{}:{alertname="Down"}',
        group_labels={"alertname": "Down"},
        source_url="http://am:9093",
        receiver="team\\.a",
        truncated=3,
        shared_labels={"alertname": "Down", "site": "north"},
    )


def test_the_real_thing() -> None:
    found = of(GOLDEN.read_bytes())
    whole = json.loads(GOLDEN.read_bytes())
    assert (found.receiver, found.group, found.group_labels) == (
        whole["receiver"],
        whole["groupKey"],
        whole["groupLabels"],
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"x" * 300_000, b'{"receiver":3,', b'{"receiver":"\xff"', FORGED.replace("4", "3").encode(), b'{"alerts":['],
)
def test_what_the_ends_do_not_say_is_left_open(body: bytes) -> None:
    assert (of(body).receiver, of(body).group) == ("", "")
