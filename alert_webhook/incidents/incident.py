"""An incident and what happens to it: values in, values out."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.escalation.policy import Policy
from alert_webhook.incidents.transitions import OPEN, State, Trigger, after
from alert_webhook.incidents.urgency import Severity, Urgency


class Incident(Struct, frozen=True, kw_only=True):
    """One incident. Times are Unix seconds.

    `cycle` counts the starts of escalation (each repeat is one too) and keeps notifications of different rounds apart;
    `next_step` is the index into the policy's steps; `due_at` is when it is due, None while nothing is.
    """

    id: int
    code: str
    integration: str
    group: str
    title: str
    labels: Mapping[str, str]
    source_url: str
    severity: str
    rank: int
    urgency: Urgency
    state: State = State.NEW
    policy: Policy | None = None
    cycle: int = 1
    repeats_left: int = 0
    next_step: int = 0
    due_at: float | None = None
    started_at: float
    updated_at: float
    acked_by: str = ""
    acked_at: float | None = None
    resolved_at: float | None = None

    @property
    def open(self) -> bool:
        """Whether it is not over yet."""
        return self.state in OPEN


def escalate_from_start(incident: Incident, policy: Policy | None, now: float) -> Incident:
    """Return the incident with its policy's first step ahead; without a policy nothing is due."""
    if policy is None or not policy.steps:
        return replace(incident, policy=policy, due_at=None, updated_at=now)
    return replace(
        incident,
        policy=policy,
        repeats_left=policy.repeat,
        next_step=0,
        due_at=now + policy.steps[0].after_s,
        updated_at=now,
    )


def worsen(incident: Incident, severity: Severity, policy: Policy | None, now: float) -> Incident:
    """Return the incident after an alert of this severity joined it.

    A more severe alert is news to whoever acknowledged the milder ones: escalation starts again. `policy` is the one to
    start with where the incident has none yet (it was only recorded until now).
    """
    if severity.rank >= incident.rank:
        return incident
    state = after(incident.state, Trigger.WORSENED) or incident.state
    paged_before = incident.urgency is Urgency.PAGE
    worse = replace(
        incident, severity=severity.name, rank=severity.rank, urgency=severity.urgency, state=state, updated_at=now
    )
    if severity.urgency is not Urgency.PAGE or state is State.SUPPRESSED:
        return worse
    if paged_before and incident.state in {State.NEW, State.ESCALATED}:
        return worse  # already on its way
    unanswered = replace(worse, cycle=incident.cycle + 1, acked_by="", acked_at=None)
    return escalate_from_start(unanswered, incident.policy or policy, now)


def acknowledge(incident: Incident, who: str, now: float) -> Incident | None:
    """Return the incident taken by `who`, the same one if somebody has it already, None if it is over."""
    state = after(incident.state, Trigger.ACKNOWLEDGED)
    if state is None:
        return None
    if incident.state is State.ACKNOWLEDGED:
        return incident
    return replace(incident, state=state, acked_by=who, acked_at=now, due_at=None, updated_at=now)


def resolve(incident: Incident, now: float) -> Incident | None:
    """Return the incident as resolved, None if it was over already."""
    state = after(incident.state, Trigger.RESOLVED)
    if state is None:
        return None
    return replace(incident, state=state, resolved_at=now, due_at=None, updated_at=now)
