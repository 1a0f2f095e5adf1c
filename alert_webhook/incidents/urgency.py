"""Severity, a label of the alert, to urgency, what we do about it."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Urgency(StrEnum):
    """What is done about alerts of one severity."""

    PAGE = "page"  # an incident that pages people
    DIGEST = "digest"  # an incident in the list, told of in the next digest
    RECORD = "record"  # an incident in the list; nobody is paged
    CONTEXT = "context"  # no incident: named in the pages of incidents beside it


class Severity(Struct, frozen=True):
    """One severity: `rank` 0 is the most severe; `every_contact`: page all contacts of a person at once.

    What pages waits `delay_s` seconds first, so that what ends by itself wakes nobody.
    """

    name: str
    rank: int
    urgency: Urgency
    every_contact: bool
    delay_s: float = 0.0


class Severities(Struct, frozen=True):
    """The severities of the configuration, and which one an alert without a known severity counts as."""

    known: Mapping[str, Severity]
    default: Severity

    def of(self, labels: Mapping[str, str]) -> Severity:
        """Return the severity that these labels ask for; case and blanks around it do not matter."""
        return self.listed(labels.get("severity", "")) or self.default

    def listed(self, given: str) -> Severity | None:
        """Return the severity that a label's value means, None where it means none of the configuration."""
        found = self.known.get(given)
        if found is not None or not given:
            return found
        plain = given.strip()
        folded = plain.casefold()
        alike = (each for name, each in self.known.items() if name.casefold() == folded)
        return self.known.get(plain) or next(alike, None)

    def unlisted(self, labels: Mapping[str, str]) -> str:
        """Return the label's value where it says something that is not listed, "" otherwise."""
        given = labels.get("severity", "")
        return "" if given in self.known or self.listed(given) else given.strip()

    def named(self, name: str) -> Severity:
        """Return the severity of this name as it is configured now."""
        return self.known.get(name, self.default)
