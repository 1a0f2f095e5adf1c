"""Which incidents are paged once more, because their pages were given up while a provider failed. Pure.

Once the provider takes anything, all of them are; until then one at a time, to learn whether it does.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.transitions import PAGEABLE

TRIAL_EVERY_S = 300.0  # a provider that has failed for half an hour is asked for a long time yet


class Unreached(Struct, frozen=True, kw_only=True):
    """A page that was given up, of the round of escalation that its incident is in. Times are Unix seconds."""

    incident_id: int
    cycle: int
    rank: int
    person: str
    contact: str
    given_up_at: float


def paged_again(
    found: Sequence[Unreached],
    channels: Mapping[tuple[str, str], str],
    worked_at: Mapping[str, float],
    *,
    tried: Collection[str],
    now: float,
) -> dict[int, str]:
    """Return why these incidents are paged again, by their ids, the most severe first.

    `channels` says which channel a (person, contact) is on; absent: they left the configuration. `worked_at`: when a
    channel last took something. `tried`: channels that something is on its way to.
    """
    ordered = sorted(found, key=lambda each: (each.rank, each.given_up_at))
    known = [(each, channel) for each in ordered if (channel := channels.get((each.person, each.contact)))]
    chosen: dict[int, str] = {}
    busy = set(tried)
    for each, channel in known:
        if worked_at.get(channel, each.given_up_at) > each.given_up_at:
            chosen.setdefault(each.incident_id, f"{channel} works again")
            busy.add(channel)
    last = {channel: max(each.given_up_at for each, on in known if on == channel) for _, channel in known}
    for each, channel in known:
        if channel not in busy and now - last[channel] >= TRIAL_EVERY_S:
            chosen.setdefault(each.incident_id, f"to see whether {channel} works again")
            busy.add(channel)
    return chosen


def begun_again(incident: Incident, cycle: int, now: float) -> Incident | None:
    """Return an incident with its first step ahead once more; None where it needs none: steps follow, or somebody did.

    `cycle` is the round in which nobody was reached.
    """
    if incident.policy is None or incident.state not in PAGEABLE or incident.cycle != cycle:
        return None
    if incident.due_at is not None and incident.next_step < len(incident.policy.steps):
        return None
    return replace(incident, cycle=cycle + 1, next_step=0, due_at=now, updated_at=now)
