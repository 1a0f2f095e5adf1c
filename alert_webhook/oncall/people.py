"""People and their contacts, as the configuration lists them."""

from collections.abc import Collection, Mapping

from msgspec import Struct


class Contact(Struct, frozen=True):
    """One way to reach a person: `channel` is a key of the configuration's `channels`."""

    name: str
    channel: str
    address: str


class Person(Struct, frozen=True):
    """Somebody who can be paged. `contacts` are in the order in which they are tried."""

    key: str
    name: str
    contacts: tuple[Contact, ...]

    def contact(self, name: str) -> Contact | None:
        """Return the contact of this name, None when there is none any more."""
        return next((contact for contact in self.contacts if contact.name == name), None)


People = Mapping[str, Person]


def reached_by(people: People, who: str, *, every_contact: bool) -> tuple[str, tuple[str, ...]]:
    """Return the person that `who` ("ana" or "ana/phone") names and the contacts to use first.

    A person or contact that is no longer configured gives no contacts.
    """
    key, _, wanted = who.partition("/")
    person = people.get(key)
    if person is None:
        return key, ()
    if wanted:
        return key, (wanted,) if person.contact(wanted) else ()
    names = tuple(contact.name for contact in person.contacts)
    return key, names if every_contact else names[:1]


def next_contact(person: Person | None, used: Collection[str]) -> Contact | None:
    """Return the first contact of a person that was not used yet."""
    if person is None:
        return None
    return next((contact for contact in person.contacts if contact.name not in used), None)
