"""An incident and what happens to it: values in, values out."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.escalation.policy import Policy
from alert_webhook.escalation.policy import Step as PolicyStep
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
    ack_remind_at: float | None = None
    ack_ends_at: float | None = None
    assigned_to: str = ""
    suppressed_by: str = ""
    parent_id: int | None = None

    @property
    def ack_due_at(self) -> float | None:
        """When something is due about the acknowledgement: its reminder, else its end."""
        return self.ack_ends_at if self.ack_remind_at is None else self.ack_remind_at

    @property
    def open(self) -> bool:
        """Whether it is not over yet."""
        return self.state in OPEN


def pages_after(severity: Severity, policy: Policy) -> float | None:
    """Return after how many seconds an incident of this severity pages, None where it pages nobody.

    The policy's word about the severity counts before the severity's own.
    """
    if severity.name in policy.page_after:
        return policy.page_after[severity.name]
    return severity.delay_s if severity.urgency is Urgency.PAGE else None


def begin_escalation(incident: Incident, severity: Severity, policy: Policy, now: float) -> Incident:
    """Return a new incident with its first step ahead where this severity pages; else as it is."""
    delay_s = pages_after(severity, policy)
    if delay_s is None:
        return incident
    return escalate_from_start(replace(incident, urgency=Urgency.PAGE), policy, now, delay_s=delay_s)


def escalate_from_start(incident: Incident, policy: Policy | None, now: float, *, delay_s: float = 0.0) -> Incident:
    """Return the incident with its policy's first step ahead, after a delay; without a policy nothing is due."""
    if policy is None or not policy.steps:
        return replace(incident, policy=policy, due_at=None, updated_at=now)
    return replace(
        incident,
        policy=policy,
        repeats_left=policy.repeat,
        next_step=0,
        due_at=now + delay_s + policy.steps[0].after_s,
        updated_at=now,
    )


def worsen(incident: Incident, severity: Severity, policy: Policy, now: float) -> Incident:
    """Return the incident after an alert of this severity joined it.

    A more severe alert is news to whoever acknowledged the milder ones: escalation starts again. `policy` is the one to
    start with where the incident has none yet (it was only recorded until now).
    """
    if severity.rank >= incident.rank:
        return incident
    state = after(incident.state, Trigger.WORSENED) or incident.state
    kept = incident.policy or policy
    delay_s = pages_after(severity, kept)
    worse = replace(incident, severity=severity.name, rank=severity.rank, state=state, updated_at=now)
    if delay_s is None:
        return worse if incident.urgency is Urgency.PAGE else replace(worse, urgency=severity.urgency)
    worse = replace(worse, urgency=Urgency.PAGE)
    if state is State.SUPPRESSED:
        return replace(worse, policy=kept)
    if incident.urgency is Urgency.PAGE and incident.state in {State.NEW, State.ESCALATED}:
        return _sooner(worse, kept, now + delay_s)  # already on its way
    unanswered = replace(_unacked(worse), cycle=incident.cycle + 1)
    return escalate_from_start(unanswered, kept, now, delay_s=delay_s)


def _sooner(incident: Incident, policy: Policy, at: float) -> Incident:
    """Return the incident with its first step no later than `at` and that step's own delay, if that is still ahead."""
    if incident.due_at is None or incident.next_step > 0 or incident.repeats_left < policy.repeat:
        return incident
    return replace(incident, due_at=min(incident.due_at, at + policy.steps[0].after_s))


def acknowledge(
    incident: Incident, who: str, now: float, *, ends_at: float | None = None, remind_at: float | None = None
) -> Incident | None:
    """Return the incident taken by `who`, the same one if somebody has it already, None if it is over.

    `ends_at` is when the acknowledgement times out and `remind_at` when its holder is asked before; a holder who was
    asked and acknowledges again has it anew.
    """
    state = after(incident.state, Trigger.ACKNOWLEDGED)
    if state is None:
        return None
    renewed = incident.acked_by == who and incident.ack_ends_at is not None and incident.ack_remind_at is None
    if incident.state is State.ACKNOWLEDGED and not renewed:
        return incident
    cycle = incident.cycle + renewed  # a reminder of its own
    taken = replace(incident, state=state, cycle=cycle, acked_by=who, acked_at=now, due_at=None, updated_at=now)
    return replace(taken, ack_ends_at=ends_at, ack_remind_at=remind_at, suppressed_by="", parent_id=None)


def snooze(incident: Incident, who: str, until: float, now: float) -> Incident | None:
    """Return the incident taken by `who` until a time, without a reminder; None if it is over."""
    state = after(incident.state, Trigger.ACKNOWLEDGED)
    if state is None:
        return None
    free = replace(incident, state=state, ack_remind_at=None, ack_ends_at=until, due_at=None, updated_at=now)
    return replace(free, acked_by=who, acked_at=now, suppressed_by="", parent_id=None)


def resolve(incident: Incident, now: float) -> Incident | None:
    """Return the incident as resolved, None if it was over already."""
    state = after(incident.state, Trigger.RESOLVED)
    if state is None:
        return None
    return replace(_freed(incident), state=state, resolved_at=now, due_at=None, updated_at=now)


def hurry(incident: Incident, policy: Policy, now: float) -> Incident | None:
    """Return the incident with its next step due now, None if it is over; after the last step that one comes again."""
    state = after(incident.state, Trigger.HANDED_ON)
    if state is None:
        return None
    wanted = replace(_unacked(incident), state=state, policy=policy, due_at=now, updated_at=now)
    if incident.next_step < len(policy.steps):
        return wanted
    return replace(wanted, cycle=incident.cycle + 1, next_step=max(0, len(policy.steps) - 1))


def reassign(incident: Incident, to: str, policy: Policy, now: float) -> Incident | None:
    """Return the incident given to `to`, None if it is over.

    They are paged now; the policy's steps follow if they do not answer.
    """
    state = after(incident.state, Trigger.HANDED_ON)
    if state is None:
        return None
    steps = policy.steps[1:] if incident.assigned_to else policy.steps
    patience_s = steps[1].after_s if len(steps) > 1 else policy.exhausted_after_s
    rest = tuple(replace(each, after_s=patience_s) if number == 0 else each for number, each in enumerate(steps))
    given = replace(policy, steps=(PolicyStep(0.0, (to,)), *rest))
    free = replace(_unacked(incident), state=state, assigned_to=to, cycle=incident.cycle + 1)
    return escalate_from_start(free, given, now)


def remind(incident: Incident, now: float) -> Incident:
    """Return the incident once its holder has been asked whether they still have it."""
    return replace(incident, ack_remind_at=None, updated_at=now)


def end_acknowledgement(incident: Incident, now: float) -> Incident | None:
    """Return the incident as nobody's again, escalating from the start; None if nobody has it."""
    state = after(incident.state, Trigger.ACK_ENDED)
    if state is None:
        return None
    free = replace(_unacked(incident), state=state, cycle=incident.cycle + 1, updated_at=now)
    return escalate_from_start(free, free.policy, now)


def suppress(incident: Incident, by: str, parent_id: int | None, now: float) -> Incident | None:
    """Return the incident as suppressed `by` a window or a parent, None where that cannot be."""
    if incident.state is State.SUPPRESSED:
        return replace(incident, suppressed_by=by, parent_id=parent_id)
    state = after(incident.state, Trigger.SUPPRESSED)
    if state is None or incident.state is State.ACKNOWLEDGED:
        return None
    return replace(incident, state=state, suppressed_by=by, parent_id=parent_id, due_at=None, updated_at=now)


def release(incident: Incident, now: float) -> Incident | None:
    """Return the incident as its own again, escalating from the start if it pages; None if nothing suppressed it."""
    state = after(incident.state, Trigger.RELEASED)
    if state is None:
        return None
    free = replace(_freed(incident), state=state, cycle=incident.cycle + 1, updated_at=now)
    return escalate_from_start(free, free.policy, now)


def _unacked(incident: Incident) -> Incident:
    free = replace(incident, acked_by="", acked_at=None, ack_remind_at=None, ack_ends_at=None)
    return _freed(free)


def _freed(incident: Incident) -> Incident:
    return replace(incident, suppressed_by="", parent_id=None, ack_remind_at=None, ack_ends_at=None)
