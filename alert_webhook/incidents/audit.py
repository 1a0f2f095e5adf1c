"""Whether the timelines are what they were when they were written."""

from msgspec import Struct

from alert_webhook.incidents.audit_chain import Head, Link, faults_of
from alert_webhook.store import audit
from alert_webhook.store.database import Transaction

LATE_S = 600.0  # events are sealed within seconds while an engine runs
MAX_FAULTS = 20


class Verdict(Struct, frozen=True):
    """What a check of the chain found: its first and last link, when the first was made, and what is wrong."""

    first: int
    first_at: float
    head: Head
    faults: tuple[str, ...]


def verify(tx: Transaction, *, known: Head | None = None) -> Verdict:
    """Check every link and every event; `known` is a head from the log, which the chain must still hold."""
    faults: list[str] = []
    first: Link | None = None
    last: Link | None = None
    found_known = known is None or known.seq == 0
    for piece in audit.every_link(tx):
        gone = audit.forgotten_among(tx, [link.incident_id for link, event in piece if event is None])
        for link, event in piece:
            first = first or link
            if len(faults) < MAX_FAULTS:
                faults += faults_of(link, last, event, forgotten=link.incident_id in gone)
            found_known = found_known or (known is not None and (link.seq, link.hash) == (known.seq, known.hash))
            last = link
    head = audit.head_of(tx)
    if (last.seq if last else 0, last.hash if last else Head().hash) != (head.seq, head.hash):
        faults.append(f"the chain does not end at its head, link {head.seq}")
    if not found_known and known is not None:
        faults.append(f"the chain does not hold the head that was logged, link {known.seq}")
    return Verdict(first.seq if first else 0, first.at if first else 0.0, head, (*faults, *_loose(tx)))


def _loose(tx: Transaction) -> list[str]:
    faults = [f"event {id_} claims a place that the chain does not have" for id_ in audit.strangers(tx)]
    late = audit.unsealed_before(tx, tx.now - LATE_S)
    return faults + ([f"{late} event(s) older than 10 minutes are not part of the chain"] if late else [])
