"""What happened to an incident, one line each, never changed afterwards."""

from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """Kinds of events; part of the API."""

    BEGAN = "began"
    ALERTS_BEGAN = "alerts_began"
    ALERTS_ENDED = "alerts_ended"
    WORSENED = "worsened"
    STEP = "step"
    EXHAUSTED = "exhausted"
    NOBODY = "nobody"  # a step or page that could reach no one
    PASSED_OVER = "passed_over"  # a step whose condition did not hold
    SENT = "sent"
    RETRY = "retry"
    UNKNOWN = "unknown"  # the provider may have taken it
    FAILED = "failed"
    FALLBACK = "fallback"
    CANCELLED = "cancelled"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    NOTE = "note"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    HURRIED = "hurried"  # a person asked for the next step at once
    REMINDED = "reminded"  # the acker is asked whether it is still theirs
    ACK_ENDED = "ack_ended"
    SUPPRESSED = "suppressed"
    RELEASED = "released"
    FOLDED = "folded"  # another incident was folded into this one
    SILENCED = "silenced"  # in Alertmanager, for as long as somebody has it


class Event(Struct, frozen=True):
    """One event. `at` is Unix seconds; `who` is a person, a user, or "" for the engine itself."""

    incident_id: int
    at: float
    kind: Kind
    text: str
    who: str = ""
