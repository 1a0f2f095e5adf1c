"""People and their contacts, as the configuration lists them."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from alert_webhook.oncall.rules import Quiet, Rule, quiet_until, rule_for


class Contact(Struct, frozen=True):
    """One way to reach a person: `channel` is a key of the configuration's `channels`."""

    name: str
    channel: str
    address: str


class Person(Struct, frozen=True):
    """Somebody who can be paged. `contacts` are in the order in which they are tried; `rules` may say otherwise."""

    key: str
    name: str
    contacts: tuple[Contact, ...]
    rules: tuple[Rule, ...] = ()
    quiet: Quiet | None = None
    time_zone: str = "UTC"  # in which they read times

    def contact(self, name: str) -> Contact | None:
        """Return the contact of this name, None when there is none any more."""
        return next((contact for contact in self.contacts if contact.name == name), None)


People = Mapping[str, Person]


def holder(people: People, name: str) -> str:
    """Return the key of the person who does something under this name, "" where it is nobody's.

    Links and replies give a person's name, pages of the web a user's, which is a person's key where they are one.
    """
    if name in people:
        return name
    return next((key for key, person in people.items() if person.name.casefold() == name.casefold()), "")


class Reach(Struct, frozen=True):
    """One contact of a person to use `delay_s` seconds from now."""

    person: str
    contact: str
    delay_s: float = 0.0


def reached_by(
    people: People, who: str, *, severity: str = "", every_contact: bool = False, now: float = 0.0
) -> tuple[Reach, ...]:
    """Return the contacts to use for `who` ("ana" or "ana/phone") in an incident of this severity at `now`.

    The person's rule for the severity says which and after how long; without one it is the first contact, or all at
    once. In the person's hours of quiet everything waits. Who is no longer configured has no contacts.
    """
    key, _, wanted = who.partition("/")
    person = people.get(key)
    if person is None:
        return ()
    held_s = quiet_until(person.quiet, severity, now) - now
    if wanted:
        return (Reach(key, wanted, held_s),) if person.contact(wanted) else ()
    rule = rule_for(person.rules, severity)
    if rule is not None:
        return tuple(Reach(key, each.contact, held_s + each.after_s) for each in rule.contacts)
    names = tuple(contact.name for contact in person.contacts)
    return tuple(Reach(key, name, held_s) for name in (names if every_contact else names[:1]))


def next_contact(person: Person | None, used: Collection[str]) -> Contact | None:
    """Return the first contact of a person that was not used yet."""
    if person is None:
        return None
    return next((contact for contact in person.contacts if contact.name not in used), None)
