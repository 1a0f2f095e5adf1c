"""One step of escalation: the incident as it is and the time → the incident after, and whom to page. Pure."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.escalation.policy import Policy, Step, objection
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.transitions import PAGEABLE, Trigger, after
from alert_webhook.oncall.naming import Named, named
from alert_webhook.oncall.people import People, Reach, reached_by
from alert_webhook.oncall.schedule import Schedule

NO_SCHEDULES: Mapping[str, Schedule] = {}


class Page(Struct, frozen=True):
    """One contact of one person to page, `delay_s` seconds from now; `step` counts from 1."""

    person: str
    contact: str
    cycle: int
    step: int
    delay_s: float = 0.0


def step(
    incident: Incident,
    policy: Policy,
    people: People,
    now: float,
    *,
    every_contact: bool = False,
    schedules: Mapping[str, Schedule] = NO_SCHEDULES,
    turn: int = 0,
) -> tuple[Incident, tuple[Page, ...]]:
    """Do what is due at `now`: nothing, one step's pages, or the move to critical when the last step went unanswered.

    `every_contact` pages all contacts of a person at once instead of the first. `turn` says whose turn it is where the
    step goes round. The next step's time counts from `now`: after an outage of the engine the steps follow one another
    at their distances, not all at once; where everybody's pages wait for the end of quiet hours, it counts from the
    first of them. A step that does not apply, or reaches nobody (they left the configuration, nobody is on call), is
    not waited for.
    """
    if not acts(incident, now):
        return incident, ()
    if incident.next_step >= len(policy.steps):
        return _exhausted(incident, now), ()
    pages = _pages(incident, policy, people, now, every_contact=every_contact, schedules=schedules, turn=turn)
    if not pages:
        return replace(_scheduled(incident, policy, now), state=incident.state, due_at=now), ()
    counted_from = now + min(page.delay_s for page in pages)
    return replace(_scheduled(incident, policy, counted_from), updated_at=now), pages


def acts(incident: Incident, now: float) -> bool:
    """Return whether something is due for an incident."""
    return incident.state in PAGEABLE and incident.due_at is not None and now >= incident.due_at


def takes_a_turn(incident: Incident, policy: Policy, now: float) -> bool:
    """Return whether the step that is due goes round, so that a turn has to be taken for it."""
    if not acts(incident, now) or incident.next_step >= len(policy.steps):
        return False
    current = policy.steps[incident.next_step]
    return current.round_robin and not objection(current.when, incident.severity, incident.labels, now)


def whom(current: Step, schedules: Mapping[str, Schedule], now: float, *, turn: int = 0) -> list[Named]:
    """Return whom a step means at `now`, with reasons; where it goes round, in the order of this turn."""
    entries = current.notify
    if current.round_robin:
        first = turn % len(entries)
        entries = (*entries[first:], *entries[:first])
    return [named(entry, schedules, now) for entry in entries]


def _pages(
    incident: Incident,
    policy: Policy,
    people: People,
    now: float,
    *,
    every_contact: bool,
    schedules: Mapping[str, Schedule],
    turn: int,
) -> tuple[Page, ...]:
    current = policy.steps[incident.next_step]
    if objection(current.when, incident.severity, incident.labels, now):
        return ()
    soonest: dict[tuple[str, str], Reach] = {}  # a person named twice in a step is paged once
    for each in whom(current, schedules, now, turn=turn):
        for reach in reached_by(people, each.who, severity=incident.severity, every_contact=every_contact, now=now):
            place = (reach.person, reach.contact)
            if place not in soonest or reach.delay_s < soonest[place].delay_s:
                soonest[place] = reach
        if soonest and current.round_robin:
            break
    number = incident.next_step + 1
    return tuple(Page(reach.person, reach.contact, incident.cycle, number, reach.delay_s) for reach in soonest.values())


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
    if incident.state not in PAGEABLE or incident.due_at is None or incident.due_at <= now or not waits_for_it:
        return incident
    return replace(incident, due_at=now)


def _exhausted(incident: Incident, now: float) -> Incident:
    state = after(incident.state, Trigger.EXHAUSTED) or incident.state
    return replace(incident, state=state, due_at=None, updated_at=now)
