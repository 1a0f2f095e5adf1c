"""The chain of hashes over every event of every timeline: each link holds the one before. Pure.

Whoever changes, removes or adds an event afterwards has to change every later link too, and the head of the chain,
which is logged every hour to a place of its own.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence

from msgspec import Struct

START = "0" * 64  # what the first link holds as the one before it
EVENT, FORGOTTEN = "event", "forgotten"  # kinds of links


class Head(Struct, frozen=True):
    """The end of the chain: how many links there were, and the hash of the last."""

    seq: int = 0
    hash: str = START


class Recorded(Struct, frozen=True):
    """An event as the database has it."""

    id: int
    incident_id: int
    at: float
    kind: str
    who: str
    text: str


class Link(Struct, frozen=True):
    """One link: `content` is the hash of what it stands for, `hash` that of the link before and of this content."""

    seq: int
    kind: str
    incident_id: int
    at: float
    content: str
    hash: str


def content_of(event: Recorded) -> str:
    """Return the hash of an event alone."""
    return _digest([event.incident_id, event.at, event.kind, event.who, event.text])


def forgotten_content(incident_id: int, at: float) -> str:
    """Return the content of the link that says that retention deleted an incident."""
    return _digest([FORGOTTEN, incident_id, at])


def hash_of(previous: str, link: Link) -> str:
    """Return the hash that a link has after the hash of the one before it."""
    return _digest([previous, link.seq, link.kind, link.incident_id, link.at, link.content])


def links_after(head: Head, items: Sequence[tuple[str, int, float, str]]) -> list[Link]:
    """Return links for (kind, incident id, time, content), in order."""
    found: list[Link] = []
    previous = head.hash
    for number, (kind, incident_id, at, content) in enumerate(items, head.seq + 1):
        bare = Link(number, kind, incident_id, at, content, "")
        previous = hash_of(previous, bare)
        found.append(Link(number, kind, incident_id, at, content, previous))
    return found


def faults_of(link: Link, before: Link | None, event: Recorded | None, *, forgotten: bool) -> Iterator[str]:
    """Yield what is wrong with a link after the one before it, and with the event it stands for.

    `before` is None for the oldest link that is kept; `forgotten` says that retention deleted its incident.
    """
    expected_seq = before.seq + 1 if before else link.seq
    if link.seq != expected_seq:
        yield f"links {expected_seq} to {link.seq - 1} are missing"
    elif (before is not None or link.seq == 1) and hash_of(before.hash if before else START, link) != link.hash:
        yield f"link {link.seq} does not hold the link before it"
    if link.kind != EVENT:
        if link.content != forgotten_content(link.incident_id, link.at):
            yield f"link {link.seq} was changed"
    elif event is None:
        if not forgotten:
            yield f"the event of link {link.seq}, incident {link.incident_id}, is missing"
    elif content_of(event) != link.content:
        yield f"event {event.id} of incident {event.incident_id} was changed"


def _digest(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()
