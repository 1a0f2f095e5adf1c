"""Whether everything is on time: what the auditor found, and what is wrong with it. Pure."""

from msgspec import Struct

MAX_OVERDUE_S = 60.0  # of a timer
MAX_STUCK_S = 300.0  # of a message that is due, or whose lease is over


class Lateness(Struct, frozen=True):
    """How late the most overdue is, in seconds; 0 where nothing is late."""

    timer_s: float
    message_s: float
    lease_s: float


def troubles(found: Lateness) -> tuple[str, ...]:
    """Return what is wrong, in words; nothing: everything is on time.

    >>> troubles(Lateness(0.0, 400.0, 0.0))
    ('a message is due since 400 s and nobody sends it',)
    """
    said = []
    if found.timer_s > MAX_OVERDUE_S:
        said.append(f"a step of escalation is overdue since {found.timer_s:.0f} s")
    if found.message_s > MAX_STUCK_S:
        said.append(f"a message is due since {found.message_s:.0f} s and nobody sends it")
    if found.lease_s > MAX_STUCK_S:
        said.append(f"a message that was being sent is abandoned since {found.lease_s:.0f} s")
    return tuple(said)
