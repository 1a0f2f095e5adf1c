"""What a message says about the incidents that it tells of besides its own, because a throttle kept theirs. Pure."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from alert_webhook.incidents.transitions import PAGEABLE, State

CODES_TOLD = 12


class Told(Struct, frozen=True):
    """One incident that another one's message tells of. `started_at` is Unix seconds."""

    code: str
    state: State
    severity: str
    rank: int
    started_at: float


def also_lines(told: Sequence[Told]) -> tuple[str, ...]:
    """Return how many incidents there are by severity, the codes to answer with, and where all of them are.

    The most severe come first, and of these the newest.

    >>> fire = Told("K7QF", State.NEW, "critical", 0, 20.0)
    >>> also_lines([Told("M2XA", State.NEW, "high", 1, 30.0), fire, Told("AB3D", State.RESOLVED, "high", 1, 10.0)])
    ('2 more incident(s): 1 critical, 1 high: K7QF, M2XA; 1 more ended',)
    """
    ordered = sorted(told, key=lambda each: (each.rank, -each.started_at, each.code))
    waiting = [each for each in ordered if each.state in PAGEABLE]
    by_severity = Counter(each.severity for each in waiting)
    counts = ", ".join(f"{number} {severity}" for severity, number in by_severity.items())
    codes = ", ".join(each.code for each in waiting[:CODES_TOLD])
    more = ", …" if len(waiting) > CODES_TOLD else ""
    said = [f"{len(waiting)} more incident(s): {counts}: {codes}{more}"] if waiting else []
    said += [f"{len(told) - len(waiting)} more ended"] if len(told) > len(waiting) else []
    listed = ["all of them are in the list of incidents (/incidents)"] if more else []
    return (*(["; ".join(said)] if said else []), *listed)
