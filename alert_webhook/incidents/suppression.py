"""Why an alert wakes nobody now: maintenance, or a parent that is down. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from alert_webhook.incidents.dependencies import Rules, Tree
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.windows import MaintenanceWindow

NOTHING_DOWN = Tree({}, {})


class Cover(Struct, frozen=True):
    """Why one alert is suppressed, in words; `parent_id` is the incident that it belongs under, if it is that."""

    why: str
    parent_id: int | None = None


class Covers(Struct, frozen=True):
    """Everything that suppresses alerts at one instant. `roots` leads from an incident to the one it is folded into.

    `shadowed` is the tree of the integrations in shadow mode, `shadows`: neither kind hides anything of the other.
    """

    windows: Sequence[MaintenanceWindow]
    rules: Rules
    tree: Tree
    roots: Mapping[int, int]
    shadowed: Tree = NOTHING_DOWN
    shadows: Collection[str] = ()

    @property
    def none(self) -> bool:
        """Whether nothing can be suppressed now."""
        return not self.windows and not self.tree.down and not self.shadowed.down

    def over(self, label_sets: Iterable[Mapping[str, str]], incident: Incident) -> Cover | None:
        """Return what suppresses an incident of these alerts; None where one of them is free, or there is none."""
        tree = self.shadowed if incident.integration in self.shadows else self.tree
        first: Cover | None = None
        for labels in label_sets:
            cover = self._of(labels, tree, incident.id)
            if cover is None:
                return None
            if first is None or (first.parent_id is None and cover.parent_id is not None):
                first = cover
        return first

    def _of(self, labels: Mapping[str, str], tree: Tree, incident_id: int) -> Cover | None:
        for window in self.windows:
            if window.match.holds(labels):
                return Cover(f"maintenance {window.title}")
        device = self.rules.device(labels)
        if not device or not tree.down or self.rules.exempt(labels):
            return None
        cut = tree.cut_off(device)
        root = root_of(self.roots, cut.incident_id) if cut else None
        if cut is None or root is None or root == incident_id:
            return None
        return Cover(f"{cut.parent} is down", root)


def root_of(parents: Mapping[int, int], incident_id: int) -> int | None:
    """Return the incident that stands at the top of this one, None where the way up is a loop.

    >>> root_of({3: 2, 2: 1}, 3), root_of({3: 2, 2: 3}, 3)
    (1, None)
    """
    seen: set[int] = set()
    while incident_id in parents:
        if incident_id in seen:
            return None
        seen.add(incident_id)
        incident_id = parents[incident_id]
    return incident_id
