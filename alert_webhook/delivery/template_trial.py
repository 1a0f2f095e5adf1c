"""Tries a template with an example when the configuration loads. Pure."""

from alert_webhook.delivery.channel import AlertView, IncidentView, Message, Reason, Recipient
from alert_webhook.delivery.template_budget import Failure
from alert_webhook.delivery.template_form import formed
from alert_webhook.delivery.template_language import rendered
from alert_webhook.delivery.template_values import values_of

LABELS = {"alertname": "LinkDown", "instance": "core-sw1", "site": "plant-2", "severity": "critical"}
ALERT = AlertView(
    name="LinkDown",
    labels=LABELS,
    annotations={"summary": "Port Gi1/0/1 of core-sw1 is down", "runbook_url": "https://wiki.example.org/link"},
    generator_url="https://prometheus.example.org/graph",
    started_at=1_800_000_000.0,
)
EXAMPLE = Message(
    id="0" * 32,
    incident=IncidentView(
        id=1,
        code="K7QF",
        state="new",
        severity="critical",
        title="LinkDown · core-sw1 · plant-2",
        labels=LABELS,
        integration="main",
        source_url="https://alertmanager.example.org",
        started_at=1_800_000_000.0,
        updated_at=1_800_000_000.0,
        alerts=(ALERT,),
        firing=1,
        total=1,
    ),
    recipient=Recipient(person="ana", name="Ana Silva", contact="mail", channel="mail", address=""),
    reason=Reason.PAGE,
    step=1,
    attempt=1,
    sent_at=1_800_000_060.0,
    ack_url="https://pager.example.org/a/example",
    context=("Traffic on core-sw1 Gi1/0/48 is outside its usual band",),
)


def fault_of(source: str, *, html: bool) -> str:
    """Return what is wrong with a template, "" where the example comes out well."""
    made = rendered(source, values_of(EXAMPLE, link=True), html=html)
    if not isinstance(made, Failure):
        made = formed(made, html=html)
    return f"{made.text}; what there is: docs/webhook/channels.md" if isinstance(made, Failure) else ""
