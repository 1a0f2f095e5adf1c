"""Who may do what: roles of users, scopes of API keys. Pure."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Scope(StrEnum):
    """One thing that a caller may do; what an API key is given, and what each route wants."""

    READ = "read"  # see incidents, schedules, maintenance
    ACT = "incidents:act"  # acknowledge, resolve, reassign, snooze, note, escalate, tell the detector
    ON_CALL = "oncall:write"  # overrides, calendar links
    MAINTENANCE = "maintenance:write"
    ADMIN = "accounts:write"  # API keys; the record of changes


class Role(StrEnum):
    """What a local user is."""

    VIEWER = "viewer"  # looks
    RESPONDER = "responder"  # answers pages, swaps shifts, announces maintenance
    ADMIN = "admin"


SCOPES_OF: dict[Role, frozenset[Scope]] = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.RESPONDER: frozenset({Scope.READ, Scope.ACT, Scope.ON_CALL, Scope.MAINTENANCE}),
    Role.ADMIN: frozenset(Scope),
}


class Caller(Struct, frozen=True, kw_only=True):
    """Somebody who proved who they are. `name` is what timelines and the record of changes say."""

    name: str
    scopes: frozenset[Scope]
    via: str  # "web page", "API", "API key k7"

    def may(self, scope: Scope) -> bool:
        """Return whether this caller may do that."""
        return scope in self.scopes


def user_caller(name: str, role: Role, *, via: str) -> Caller:
    """Return a local user as a caller."""
    return Caller(name=name, scopes=SCOPES_OF[role], via=via)


def scopes_named(words: Iterable[str]) -> frozenset[Scope]:
    """Return the scopes that these words name; ValueError lists what there is.

    >>> sorted(scopes_named(["read", "incidents:act"]))
    [<Scope.ACT: 'incidents:act'>, <Scope.READ: 'read'>]
    """
    known = {scope.value: scope for scope in Scope}
    strange = sorted(set(words) - set(known))
    if strange:
        raise ValueError(f"{strange[0]!r} is not a scope: {', '.join(known)}")
    return frozenset(known[word] for word in words)
