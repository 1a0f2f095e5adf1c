"""Which groups of alerts belong together because they began at about the same time in the same place. Pure."""

import json
from collections.abc import Mapping, Sequence

from msgspec import Struct

from alert_webhook.incidents.title import shared


class CorrelationRule(Struct, frozen=True):
    """Groups whose alerts all have these labels, with the same values, within `window_s` of the first one's start."""

    labels: tuple[str, ...]
    window_s: float
    match: Mapping[str, str] = {}
    realm: str = "live"  # what is only tried out (shadow) never takes in what pages


class Bond(Struct, frozen=True):
    """What ties a group to others: the same name, within the same time."""

    name: str
    window_s: float


def bond_of(label_sets: Sequence[Mapping[str, str]], rules: Sequence[CorrelationRule]) -> Bond | None:
    """Return what ties these alerts of one group to other groups, by the first rule that applies; None: nothing.

    >>> bond_of([{"site": "north", "alertname": "A"}], [CorrelationRule(("site",), 300.0)])
    Bond(name='["together","live","site=north"]', window_s=300.0)
    """
    common = shared(label_sets)
    for rule in rules:
        if any(common.get(name) != value for name, value in rule.match.items()):
            continue
        if all(common.get(name) for name in rule.labels):
            parts = ["together", rule.realm, *(f"{name}={common[name]}" for name in rule.labels)]
            return Bond(json.dumps(parts, ensure_ascii=False, separators=(",", ":")), rule.window_s)
    return None
