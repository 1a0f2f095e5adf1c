"""The states of an incident and every transition between them: one table. What is not in it is refused."""

from enum import StrEnum


class State(StrEnum):
    """Where an incident stands."""

    NEW = "new"  # nobody has answered; the first step pages or has paged
    ACKNOWLEDGED = "acknowledged"  # somebody took it: no escalation
    ESCALATED = "escalated"  # a later step paged
    CRITICAL = "critical"  # the last step was paged and nobody answered
    SUPPRESSED = "suppressed"  # folded into another incident, or in maintenance: nobody is paged
    RESOLVED = "resolved"  # every alert ended, or a person said so
    EXPIRED = "expired"  # no longer asserted by its source, which never said that it ended


class Trigger(StrEnum):
    """What can happen to an incident."""

    STEP_PAGED = "step_paged"  # a step after the first was paged
    EXHAUSTED = "exhausted"  # the last step's time is up
    ACKNOWLEDGED = "acknowledged"
    ACK_ENDED = "ack_ended"  # the acknowledgement timed out or was taken back
    HANDED_ON = "handed_on"  # a person gave it to another, or asked for the next step
    WORSENED = "worsened"  # a more severe alert joined
    SUPPRESSED = "suppressed"
    RELEASED = "released"  # what suppressed it is over
    RESOLVED = "resolved"
    EXPIRED = "expired"


OPEN = frozenset({State.NEW, State.ACKNOWLEDGED, State.ESCALATED, State.CRITICAL, State.SUPPRESSED})
PAGEABLE = frozenset({State.NEW, State.ESCALATED, State.CRITICAL})  # only these still want an answer

TRANSITIONS: dict[tuple[State, Trigger], State] = {
    (State.NEW, Trigger.STEP_PAGED): State.ESCALATED,
    (State.NEW, Trigger.EXHAUSTED): State.CRITICAL,
    (State.NEW, Trigger.ACKNOWLEDGED): State.ACKNOWLEDGED,
    (State.NEW, Trigger.HANDED_ON): State.NEW,
    (State.NEW, Trigger.WORSENED): State.NEW,
    (State.NEW, Trigger.SUPPRESSED): State.SUPPRESSED,
    (State.NEW, Trigger.RESOLVED): State.RESOLVED,
    (State.NEW, Trigger.EXPIRED): State.EXPIRED,
    (State.ESCALATED, Trigger.STEP_PAGED): State.ESCALATED,
    (State.ESCALATED, Trigger.EXHAUSTED): State.CRITICAL,
    (State.ESCALATED, Trigger.ACKNOWLEDGED): State.ACKNOWLEDGED,
    (State.ESCALATED, Trigger.HANDED_ON): State.NEW,
    (State.ESCALATED, Trigger.WORSENED): State.ESCALATED,
    (State.ESCALATED, Trigger.SUPPRESSED): State.SUPPRESSED,
    (State.ESCALATED, Trigger.RESOLVED): State.RESOLVED,
    (State.ESCALATED, Trigger.EXPIRED): State.EXPIRED,
    (State.CRITICAL, Trigger.ACKNOWLEDGED): State.ACKNOWLEDGED,
    (State.CRITICAL, Trigger.HANDED_ON): State.NEW,
    (State.CRITICAL, Trigger.WORSENED): State.NEW,
    (State.CRITICAL, Trigger.SUPPRESSED): State.SUPPRESSED,
    (State.CRITICAL, Trigger.RESOLVED): State.RESOLVED,
    (State.CRITICAL, Trigger.EXPIRED): State.EXPIRED,
    (State.ACKNOWLEDGED, Trigger.ACKNOWLEDGED): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Trigger.ACK_ENDED): State.NEW,
    (State.ACKNOWLEDGED, Trigger.HANDED_ON): State.NEW,
    (State.ACKNOWLEDGED, Trigger.WORSENED): State.NEW,
    (State.ACKNOWLEDGED, Trigger.SUPPRESSED): State.SUPPRESSED,
    (State.ACKNOWLEDGED, Trigger.RESOLVED): State.RESOLVED,
    (State.ACKNOWLEDGED, Trigger.EXPIRED): State.EXPIRED,
    (State.SUPPRESSED, Trigger.RELEASED): State.NEW,
    (State.SUPPRESSED, Trigger.HANDED_ON): State.NEW,
    (State.SUPPRESSED, Trigger.WORSENED): State.SUPPRESSED,
    (State.SUPPRESSED, Trigger.ACKNOWLEDGED): State.ACKNOWLEDGED,
    (State.SUPPRESSED, Trigger.RESOLVED): State.RESOLVED,
    (State.SUPPRESSED, Trigger.EXPIRED): State.EXPIRED,
}


def after(state: State, trigger: Trigger) -> State | None:
    """Return the state after `trigger`, or None where the table has no such transition."""
    return TRANSITIONS.get((state, trigger))
