"""Who hangs from whom, and who is cut off when what is down. Pure."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from alert_webhook.incidents.labels import LabelMatch

DEEPEST = 16  # levels of a network; more are a loop of wrong links


class Rules(Struct, frozen=True, kw_only=True):
    """`label` names the device of an alert; an alert of `down` says that its device cannot be passed."""

    label: str
    down: tuple[LabelMatch, ...]
    never: tuple[LabelMatch, ...]
    settle_s: float  # how long after the parent's end the children's alerts may still take to end

    def device(self, labels: Mapping[str, str]) -> str:
        """Return the device that an alert is about, "" where it does not say."""
        return labels.get(self.label, "")

    def says_down(self, labels: Mapping[str, str]) -> bool:
        """Return whether an alert says that its device is down."""
        return any(match.holds(labels) for match in self.down)

    def exempt(self, labels: Mapping[str, str]) -> bool:
        """Return whether an alert is never suppressed."""
        return any(match.holds(labels) for match in self.never)


class CutOff(Struct, frozen=True):
    """A device cannot be reached because `parent` is down, which `incident_id` is about."""

    parent: str
    incident_id: int


class Tree(Struct, frozen=True):
    """Links from each device to its parents, and the devices that are down with the incident about each."""

    parents: Mapping[str, Collection[str]]
    down: Mapping[str, int]

    def cut_off(self, device: str) -> CutOff | None:
        """Return why a device cannot be reached: every one of its parents is down or cut off itself; else None.

        >>> tree = Tree({"sw3": ["sw2"], "sw2": ["core"]}, {"core": 7})
        >>> tree.cut_off("sw3"), tree.cut_off("core"), tree.cut_off("elsewhere")
        (CutOff(parent='core', incident_id=7), None, None)
        """
        return self._cut_off(device, frozenset(), DEEPEST)

    def _cut_off(self, device: str, seen: frozenset[str], levels: int) -> CutOff | None:
        parents = self.parents.get(device, ())
        if not parents or levels == 0:
            return None
        first: CutOff | None = None
        for parent in parents:
            if parent in seen or parent == device:
                return None  # a loop says nothing about what is above it
            known = self.down.get(parent)
            found = self._cut_off(parent, seen | {device}, levels - 1) if known is None else CutOff(parent, known)
            if found is None:
                return None  # one way is left
            first = first or found
        return first
