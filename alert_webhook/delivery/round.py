"""One claim of due messages: what it is given, what is read once for all of them, and what it hands out."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from alert_webhook.capability import new_token
from alert_webhook.config import Config
from alert_webhook.delivery.channel import Gate, Message, Permanent, Reason, Recipient
from alert_webhook.delivery.owed import Owed
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.transitions import PAGEABLE, State
from alert_webhook.store import attempts, bundling, hopeless, incidents, links, notifications, shadowed, views
from alert_webhook.store.attempts import Lease
from alert_webhook.store.database import Transaction
from alert_webhook.store.links import NewLink

RECENT_S = 3 * 3600.0  # how far back throttles look
HOPELESS_FOR_S = 86_400.0  # then one message is tried: numbers are given out again, people subscribe again
ABOUT_ITSELF = frozenset({Reason.RESOLVED, Reason.DIGEST, Reason.HANDOVER})  # nothing to acknowledge


class Job(Struct, frozen=True, kw_only=True):
    """One attempt that somebody now holds the lease of. `channel` is "" where the contact no longer exists."""

    owed: Owed
    message: Message
    channel: str
    owner: str
    claimed_at: float  # monotonic
    riders: tuple[int, ...] = ()  # notifications that this message tells of, too
    hopeless: str = ""  # why its address was given up


class GivenUp(Struct, frozen=True, kw_only=True):
    """A page that is given up without another attempt. `code` is the incident's."""

    owed: Owed
    code: str
    channel: str
    why: str


class Desk(Struct, frozen=True, kw_only=True):
    """What is needed to decide about messages. `claimed_at` is the monotonic time at which the claim began."""

    config: Config
    gate: Gate
    random: Callable[[int], bytes]
    public_url: str
    claimed_at: float
    given_up: Callable[[GivenUp], None] = lambda _given_up: None  # learns of each, within the transaction


class Round:
    """One claim: the desk, what is read once for all its messages, and the leases that are not written yet."""

    def __init__(self, tx: Transaction, desk: Desk, due: Sequence[Owed]) -> None:
        self.desk = desk
        self.people = desk.config.persons()
        self.incidents = incidents.read_many(tx, sorted({owed.incident_id for owed in due}))
        wanted = [owed for owed in due if not obsolete(owed, self.incidents.get(owed.incident_id))]
        shown = {owed.incident_id: self.incidents[owed.incident_id] for owed in wanted}
        self.views = views.incident_views(tx, shown.values())
        self.shadows = shadowed.shadows_of(tx, desk.config, self.views.values())
        self.crowded = bundling.contacts_held_back(tx)
        self.taken: set[int] = set()  # leased in this round, with another's message or on their own
        places = {(owed.person, owed.contact) for owed in wanted}
        self._recent = notifications.recently_sent(tx, places, tx.now - RECENT_S)
        self._hopeless = hopeless.reasons(tx, self._addresses(places), since=tx.now - HOPELESS_FOR_S)
        self._on_their_way = notifications.on_their_way(tx)
        self._leases: list[Lease] = []
        self._links: list[NewLink] = []

    def recent(self, tx: Transaction, owed: Owed) -> tuple[float, ...]:
        """Return when the contact was sent something lately."""
        place = (owed.person, owed.contact)
        return (*self._recent[place], *[tx.now] * self._on_their_way.get(place, 0))

    def hopeless(self, recipient: Recipient) -> str:
        """Return why nothing is sent to this address, "" where it is not known to be hopeless."""
        return self._hopeless.get((recipient.channel, recipient.address), "")

    def _addresses(self, places: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the (channel, address) pairs of these contacts."""
        persons = [(self.people.get(person), contact) for person, contact in places]
        found = [person.contact(contact) for person, contact in persons if person]
        return {(contact.channel, contact.address) for contact in found if contact}

    def lease(self, lease: Lease) -> None:
        """Take a lease, written with the others."""
        place = (lease.owed.person, lease.owed.contact)
        self._on_their_way[place] = self._on_their_way.get(place, 0) + 1
        self.taken.add(lease.owed.id)
        self._leases.append(lease)

    def ack_url(self, tx: Transaction, owed: Owed) -> str:
        """Return a fresh link to answer at, written with the others; "" where there is nothing to answer, or no way."""
        desk = self.desk
        if not desk.public_url or owed.reason in ABOUT_ITSELF:
            return ""
        link = NewLink(
            token=new_token(desk.random),
            incident_id=owed.incident_id,
            person=owed.person,
            contact=owed.contact,
            expires_at=tx.now + desk.config.delivery.link_expires_after,
        )
        self._links.append(link)
        return f"{desk.public_url}/a/{link.token}"

    def write(self, tx: Transaction) -> None:
        """Write the leases that were taken, and the links that were made."""
        attempts.lease(tx, self._leases)
        links.add(tx, self._links)
        self._leases, self._links = [], []


def given_up(why: str) -> Permanent:
    """Return what becomes of a message to an address that its provider called hopeless."""
    return Permanent(f"this address was given up: {why}")


def obsolete(owed: Owed, incident: Incident | None) -> str:
    """Return why nobody needs this message any more, "" if somebody does."""
    if incident is None:
        return "the incident is gone"
    if owed.reason in ABOUT_ITSELF or incident.state in PAGEABLE:
        return ""
    if owed.reason is Reason.REMINDER and incident.state is State.ACKNOWLEDGED:
        return ""
    return f"the incident is {incident.state.value}"
