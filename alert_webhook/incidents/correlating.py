"""Groups that begin together become one incident: the rows that serialize their start, and what they lead to."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from alert_webhook.incidents.alert import TouchedAlert
from alert_webhook.incidents.correlation import Bond, CorrelationRule, bond_of
from alert_webhook.incidents.naming import fitting
from alert_webhook.store import incidents
from alert_webhook.store.database import Transaction

ACROSS = ""  # the "integration" of the rows that stand for bonds; no integration has this name

Members = dict[str, list[TouchedAlert]]


class Together(Struct, frozen=True):
    """The groups after those that belong together were joined, and the incident that each belongs to so far.

    `led` says, for each group that is part of another now, which one leads; `bonds` what ties the leaders.
    """

    groups: Members
    owners: dict[str, int | None]
    led: Mapping[str, str]
    bonds: Mapping[str, str]


def together(
    tx: Transaction, groups: Members, owners: dict[str, int | None], rules: Sequence[CorrelationRule]
) -> Together:
    """Join groups without an open incident to one that began in time, and to each other; locks the rows of bonds."""
    if not rules:
        return Together(groups, owners, {}, {})
    bonds = {name: bond_of([each.update.labels for each in members], rules) for name, members in groups.items()}
    tied = {name: bond for name, bond in bonds.items() if bond is not None}
    if not tied:
        return Together(groups, owners, {}, {})
    names = {name: fitting(bond.name) for name, bond in tied.items()}
    elders = incidents.lock_groups(tx, ACROSS, names.values())
    known = incidents.read_many(tx, [id_ for id_ in (*owners.values(), *elders.values()) if id_ is not None])
    began = {id_: incident.started_at for id_, incident in known.items() if incident.open}
    free = {name: names[name] for name in tied if owners[name] not in began}
    leaders: dict[str, str] = {}
    led = {name: leaders.setdefault(bond, name) for name, bond in free.items()}
    in_time = {name: elders[bond] for name, bond in free.items() if _in_time(began, elders[bond], tied[name], tx.now)}
    joined: Members = {}
    for name, members in groups.items():
        joined.setdefault(led.get(name, name), []).extend(members)
    return Together(joined, {**owners, **in_time}, led, {leader: bond for bond, leader in leaders.items()})


def remember(tx: Transaction, integration: str, done: Together, homes: Mapping[str, int | None]) -> None:
    """Note which incident the joined groups, and their bonds, lead to from now on; `homes` by fingerprint."""
    for leader, bond in done.bonds.items():
        home = homes[done.groups[leader][0].before.fingerprint]
        if home is not None:
            incidents.lead_groups(tx, integration, [name for name, first in done.led.items() if first == leader], home)
            incidents.lead_groups(tx, ACROSS, [bond], home)


def _in_time(began: Mapping[int, float], elder: int | None, bond: Bond, now: float) -> bool:
    return elder is not None and elder in began and now - began[elder] <= bond.window_s
