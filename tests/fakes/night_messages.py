"""Messages as people get them at night: one of each kind, to be put into the words of every channel."""

from msgspec.structs import replace

from alert_webhook.delivery.channel import AlertView, IncidentView, Message, Reason
from alert_webhook.incidents.digest import digest_view
from alert_webhook.oncall.wall import Zone
from tests.fakes.channel_rigs import sample_message

BEGAN = 1_800_000_000.0
SEVERITIES = ("critical", "high", "warning", "info")
SINGLE = sample_message("x", context=()).incident


def port_down(number: int) -> AlertView:
    """One of 48 ports of a switch."""
    name = f"Gi1/0/{number}"
    return AlertView(
        name="LinkDown",
        labels={"alertname": "LinkDown", "instance": "core-sw1", "ifName": name, "site": "plant-2"},
        annotations={"summary": f"Port {name} of core-sw1 is down", "runbook_url": "https://wiki.example.org/link"},
        generator_url="",
        started_at=BEGAN + number,
    )


PORTS = replace(
    SINGLE,
    title="LinkDown · core-sw1 · plant-2",
    alerts=tuple(port_down(number) for number in range(1, 21)),
    firing=48,
    total=48,
)


def own(name: str, summary: str) -> IncidentView:
    """One of our own messages about the schedule `network`."""
    labels = {"alertname": name, "severity": "critical", "schedule": "network"}
    alert = AlertView(name=name, labels=labels, annotations={"summary": summary}, generator_url="", started_at=BEGAN)
    return replace(SINGLE, integration="heronwatch", title=name, labels=labels, source_url="", alerts=(alert,))


def quiet_incident(code: str, severity: str, title: str, *, firing: int) -> IncidentView:
    """One that pages nobody."""
    over = None if firing else BEGAN + 900
    state = "new" if firing else "resolved"
    bare = replace(SINGLE, code=code, severity=severity, title=title, alerts=(), firing=firing)
    return replace(bare, state=state, resolved_at=over)


MEMBERS = (
    quiet_incident("AB2C", "info", "CertificateRenewed · mail", firing=1),
    quiet_incident("CD3E", "warning", "FanSlow · sw-7 · plant-2", firing=0),
    quiet_incident("EF4G", "warning", "DiskWillFill · nas-1 · plant-2", firing=3),
)
DIGEST = digest_view(
    MEMBERS,
    BEGAN - 86_400,
    MEMBERS[-1],
    severities=SEVERITIES,
    zone=Zone("UTC"),
    more="https://pager.example.org/incidents",
)
ENDED = replace(SINGLE, state="resolved", resolved_at=BEGAN + 600, firing=0, acked_by="ana")
CHANGE = "network: Ana Ruiz is on call until Mon 19 Jan 09:00, after Ben Ode"
RESOLVED = {"reason": Reason.RESOLVED, "ack_url": "", "sent_at": BEGAN + 605}

NIGHT: dict[str, Message] = {
    "48 ports": sample_message("x", incident=PORTS),
    "single": sample_message("x", context=()),
    "parent": sample_message("x", context=(), step=2, sent_at=BEGAN + 600, incident=replace(SINGLE, folded_total=12)),
    "digest": sample_message("x", context=(), reason=Reason.DIGEST, ack_url="", incident=DIGEST),
    "shift test": sample_message(
        "x", context=(), incident=own("ShiftTest", f"a test: acknowledge it, else lead is paged. {CHANGE}")
    ),
    "hand-over": sample_message(
        "x", context=(), reason=Reason.HANDOVER, ack_url="", incident=own("OnCallHandover", CHANGE)
    ),
    "reminder": sample_message(
        "x", context=(), reason=Reason.REMINDER, incident=replace(SINGLE, state="acknowledged", acked_by="ana")
    ),
    "resolved": sample_message("x", context=(), incident=ENDED, **RESOLVED),
    "resolved by hand": sample_message("x", context=(), incident=replace(ENDED, firing=3, total=3), **RESOLVED),
    "expired": sample_message("x", context=(), incident=replace(ENDED, state="expired", acked_by=""), **RESOLVED),
    "resolved parent": sample_message("x", context=(), incident=replace(ENDED, folded_total=1), **RESOLVED),
}
