"""The webhook's own troubles as alerts: they become incidents, page and end like anybody's. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.escalation.policy import Policy, Step
from alert_webhook.incidents.rules import Rules
from alert_webhook.incidents.urgency import Severities, Severity, Urgency
from alert_webhook.intake.fingerprint import fingerprint
from alert_webhook.intake.update import AlertUpdate, Delivery, Status
from alert_webhook.oncall.people import People

OWN = "heronwatch"  # the integration of our own alerts
NANOSECONDS = 1_000_000_000


class Name(StrEnum):
    """What can be wrong, or has to be told."""

    SILENT = "IntegrationSilent"
    REFUSED = "ProviderRefusesUs"
    SHIFT_TEST = "ShiftTest"
    HANDOVER = "OnCallHandover"


class Trouble(Struct, frozen=True):
    """One alert of our own."""

    name: Name
    labels: Mapping[str, str]
    summary: str


def label_set(trouble: Trouble, severity: str) -> dict[str, str]:
    """Return the labels of its alert."""
    return {"alertname": trouble.name.value, "severity": severity, **trouble.labels}


def delivery(trouble: Trouble, severity: str, *, firing: bool, now: float) -> Delivery:
    """Return the trouble as an integration would send it."""
    labels = label_set(trouble, severity)
    name = fingerprint(labels)
    update = AlertUpdate(
        fingerprint=name,
        status=Status.FIRING if firing else Status.RESOLVED,
        labels=labels,
        annotations={"summary": trouble.summary},
        starts_at_ns=None,
        ends_at_ns=None if firing else int(now * NANOSECONDS),
        generator_url="",
    )
    return Delivery(group=name, group_labels=labels, source_url="", truncated=0, updates=(update,), rejected=())


def rules(severity: str, policy: Policy, *, pages: bool, tell_resolved: bool) -> Rules:
    """Return how it is dealt with: at once, at every contact; or only recorded."""
    urgency = Urgency.PAGE if pages else Urgency.RECORD
    only = Severity(severity, 0, urgency, every_contact=True)
    return Rules(
        integration=OWN,
        group_by=(),
        stale_grace_s=0.0,
        severities=Severities({severity: only}, only),
        context_labels=(),
        routes=(),
        default_policy=policy,
        tell_resolved=tell_resolved,
    )


def around(policy: Policy, channel: str, people: People) -> Policy:
    """Return the policy with every person asked through another channel than this one, where they have another."""
    steps = tuple(
        replace(step, notify=tuple(_around(who, channel, people) for who in step.notify)) for step in policy.steps
    )
    return replace(policy, steps=steps)


def tested(policy: Policy, person: str, answer_within_s: float) -> Policy:
    """Return the policy of a test page: the person, and when they do not answer, the alarm's own steps."""
    alarm = policy.steps
    first = (replace(alarm[0], after_s=answer_within_s + alarm[0].after_s), *alarm[1:]) if alarm else ()
    return replace(policy, steps=(Step(0.0, (person,)), *first), repeat=0)


def _around(who: str, channel: str, people: People) -> str:
    person = people.get(who)
    if person is None or person.contacts[0].channel != channel:
        return who
    other = next((contact for contact in person.contacts if contact.channel != channel), None)
    return f"{who}/{other.name}" if other else who
