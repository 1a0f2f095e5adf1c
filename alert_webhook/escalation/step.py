"""One step of escalation: the incident as it is and the time → the incident after, and whom to page. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.escalation.policy import Policy
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.transitions import PAGEABLE, Trigger, after
from alert_webhook.oncall.people import People, reached_by


class Page(Struct, frozen=True):
    """One contact of one person to page; `step` counts from 1."""

    person: str
    contact: str
    cycle: int
    step: int


def step(
    incident: Incident, policy: Policy, people: People, now: float, *, every_contact: bool = False
) -> tuple[Incident, tuple[Page, ...]]:
    """Do what is due at `now`: nothing, one step's pages, or the move to critical when the last step went unanswered.

    `every_contact` pages all contacts of a person at once instead of the first. The next step's time counts from `now`:
    after an outage of the engine the steps follow one another at their distances, not all at once. A step that reaches
    nobody (they left the configuration) is not waited for.
    """
    if incident.state not in PAGEABLE or incident.due_at is None or now < incident.due_at:
        return incident, ()
    if incident.next_step >= len(policy.steps):
        return _exhausted(incident, now), ()
    pages = _pages(incident, policy, people, every_contact=every_contact)
    scheduled = _scheduled(incident, policy, now)
    return (scheduled if pages else replace(scheduled, due_at=now)), pages


def _pages(incident: Incident, policy: Policy, people: People, *, every_contact: bool) -> tuple[Page, ...]:
    wanted: dict[tuple[str, str], None] = {}  # a person named twice in a step is paged once
    for who in policy.steps[incident.next_step].notify:
        person, contacts = reached_by(people, who, every_contact=every_contact)
        wanted.update(dict.fromkeys((person, contact) for contact in contacts))
    number = incident.next_step + 1
    return tuple(Page(person, contact, incident.cycle, number) for person, contact in wanted)


def _scheduled(incident: Incident, policy: Policy, now: float) -> Incident:
    state = incident.state
    if incident.next_step > 0 or incident.repeats_left < policy.repeat:
        state = after(incident.state, Trigger.STEP_PAGED) or incident.state
    following = incident.next_step + 1
    if following < len(policy.steps):
        due_at = now + policy.steps[following].after_s
        return replace(incident, state=state, next_step=following, due_at=due_at, updated_at=now)
    if incident.repeats_left > 0:
        return replace(
            incident,
            state=state,
            cycle=incident.cycle + 1,
            repeats_left=incident.repeats_left - 1,
            next_step=0,
            due_at=now + max(policy.steps[0].after_s, policy.exhausted_after_s),
            updated_at=now,
        )
    return replace(incident, state=state, next_step=following, due_at=now + policy.exhausted_after_s, updated_at=now)


def hasten(incident: Incident, *, cycle: int, step_number: int, now: float) -> Incident:
    """Return the incident with its next step due now, if this is the step it waits for: its pages all failed."""
    waits_for_it = incident.cycle == cycle and incident.next_step == step_number
    if incident.state not in PAGEABLE or incident.due_at is None or not waits_for_it:
        return incident
    return replace(incident, due_at=min(incident.due_at, now))


def _exhausted(incident: Incident, now: float) -> Incident:
    state = after(incident.state, Trigger.EXHAUSTED) or incident.state
    return replace(incident, state=state, due_at=None, updated_at=now)
