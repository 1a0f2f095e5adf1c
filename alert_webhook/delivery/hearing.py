"""Taking in what a provider said, by a callback or when asked: reports are written down, answers acted upon."""

from functools import partial
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.config import Config
from alert_webhook.delivery.callback import Heard, Reply, Report, Result, Verdict, Wish
from alert_webhook.delivery.reporting import apply_report
from alert_webhook.incidents.actions import Acted, Answer, acknowledge
from alert_webhook.incidents.transitions import PAGEABLE
from alert_webhook.oncall.people import Person
from alert_webhook.parts import Parts
from alert_webhook.store import heard as heard_events
from alert_webhook.store import hopeless, incidents, tracked
from alert_webhook.store.database import Transaction

Said = TypeVar("Said", Reply, Report)
WINDOW_S = 900.0
MOST_WRONG = 5  # wrong codes of one address in a window; then codes are not looked at
MOST_ANSWERS = 20  # of one address in a window: two machines that answer each other come to an end
GUESSES = frozenset({Verdict.WRONG, Verdict.STRANGER})
SILENT = Result(verdict=Verdict.COOL_DOWN)
UNSUBSCRIBED = "the person unsubscribed"
ANSWERS = {Answer.TAKEN: Verdict.TAKEN, Answer.ALREADY: Verdict.ALREADY, Answer.OVER: Verdict.OVER}


class Sender(Struct, frozen=True):
    """Somebody who can be reached at the address that an answer came from."""

    person: Person
    contact: str


class Meant(Struct, frozen=True):
    """The incident that an answer acknowledges, and for whom."""

    incident_id: int
    sender: Sender


class HeardBefore(Struct, frozen=True):
    """An answer that came once already."""

    result: Result


def take_in(parts: Parts, channel: str, heard: Heard) -> list[Result]:
    """Act upon what channel `channel` heard; return what became of each answer. StoreUnavailableError: ask again."""
    config = parts.settings()
    people = config.persons()
    for report in map(_storable, heard.reports):
        write_down = partial(apply_report, channel=channel, report=report, people=people, random=parts.random)
        parts.store.write(write_down, "report")
    results = [_answer(parts, channel, reply) for reply in map(_storable, heard.replies)]
    if heard.reports or heard.replies:
        parts.wake()
    return results


def _storable(said: Said) -> Said:
    """Return what was said without what a database takes in no text: NUL, and halves of characters."""
    texts = {name: getattr(said, name) for name in said.__struct_fields__ if type(getattr(said, name)) is str}
    return replace(said, **{k: v.replace("\0", "").encode(errors="replace").decode() for k, v in texts.items()})


def senders(config: Config, channel: str, address: str) -> list[Sender]:
    """Return who has a contact with this address on the channel, or on one whose fallback it is."""
    names = {channel, *(name for name, block in config.channels.items() if block.fallback == channel)}
    at_contacts = [
        Sender(person, contact.name)
        for person in config.persons().values()
        for contact in person.contacts
        if address and contact.address == address and contact.channel in names
    ]
    return at_contacts or _named_by_the_block(config, channel, address)


def _named_by_the_block(config: Config, channel: str, address: str) -> list[Sender]:
    block = config.channels.get(channel)
    named = {path.rpartition(".")[2]: key for path, key in block.people_named()} if block is not None else {}
    person = config.persons().get(named.get(address, ""))
    return [Sender(person, address)] if person is not None else []


def _answer(parts: Parts, channel: str, reply: Reply) -> Result:
    """Act upon one answer; the second with the same event changes nothing and gets the same answer."""
    config = parts.settings()
    weighed = parts.store.read(lambda tx: _weigh(tx, config, channel, reply))
    if isinstance(weighed, HeardBefore):
        return weighed.result
    if isinstance(weighed, Meant):
        name = weighed.sender.person.name
        via = f"{channel} as {weighed.sender.person.key}/{weighed.sender.contact}"
        result = _told(acknowledge(parts, weighed.incident_id, who=name, via=via), name)
    else:
        result = weighed
    parts.store.write(lambda tx: _remember(tx, channel, reply, result), "hear")
    return result


def _weigh(tx: Transaction, config: Config, channel: str, reply: Reply) -> Result | Meant | HeardBefore:
    before = heard_events.result_of(tx, channel, reply.event)
    if before is not None:
        return HeardBefore(before)
    answered = tracked.find(tx, channel, reply.reference) if reply.reference else None
    who = senders(config, channel, reply.sender or (answered.address if answered else ""))
    if not who:
        return Result(verdict=Verdict.STRANGER)
    if reply.wish in {Wish.STOP, Wish.START}:
        return Result(verdict=Verdict.NOTED)
    if reply.wish is Wish.ACK and (reply.page or answered):
        return _by_page(tx, who, answered.uid if answered else reply.page)
    recent = heard_events.recent(tx, channel, reply.sender, tx.now - WINDOW_S)
    if recent.wrong >= MOST_WRONG or recent.all >= MOST_ANSWERS:
        return SILENT
    if reply.wish is Wish.OTHER:
        return Result(verdict=Verdict.WRONG)
    return _by_code(tx, who, reply.code) if reply.code else _by_what_waits(tx, who)


def _by_page(tx: Transaction, who: list[Sender], uid: str) -> Result | Meant:
    told = tracked.notification_of(tx, uid)
    if told is None:
        return Result(verdict=Verdict.NOTHING)
    own = [each for each in who if each.person.key == told.person]
    return Meant(told.incident_id, (own or who)[0])


def _by_code(tx: Transaction, who: list[Sender], code: str) -> Result | Meant:
    found = incidents.find(tx, code)
    paged = [each for each in who if found is not None and tracked.was_paged(tx, each.person.key, found.id)]
    if found is None or not paged:
        return Result(verdict=Verdict.WRONG, code=code)
    return Meant(found.id, paged[0])


def _by_what_waits(tx: Transaction, who: list[Sender]) -> Result | Meant:
    states = sorted(state.value for state in PAGEABLE)
    waiting = {
        (id_, code): each for each in reversed(who) for id_, code in tracked.pages_sent_to(tx, each.person.key, states)
    }
    if not waiting:
        return Result(verdict=Verdict.NOTHING)
    if len(waiting) > 1:
        return Result(verdict=Verdict.WHICH, codes=tuple(code for _id, code in sorted(waiting, reverse=True)))
    ((incident_id, _code), sender) = next(iter(waiting.items()))
    return Meant(incident_id, sender)


def _told(done: Acted, name: str) -> Result:
    view = done.incident
    if view is None:
        return Result(verdict=Verdict.NOTHING)
    verdict = ANSWERS.get(done.answer, Verdict.NOTHING)
    if verdict is Verdict.ALREADY and view.acked_by == name:
        verdict = Verdict.TAKEN
    return Result(verdict=verdict, code=view.code, title=view.title, by=view.acked_by)


def _remember(tx: Transaction, channel: str, reply: Reply, result: Result) -> None:
    wrong = result.verdict in GUESSES
    heard_events.remember(tx, channel, reply.event, sender=reply.sender, wrong=wrong, result=result)
    if result.verdict is Verdict.NOTED and reply.wish is Wish.STOP:
        hopeless.mark(tx, channel, reply.sender, UNSUBSCRIBED)
    if result.verdict is Verdict.NOTED and reply.wish is Wish.START:
        hopeless.clear(tx, channel, reply.sender)
