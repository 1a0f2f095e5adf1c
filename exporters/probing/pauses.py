"""Which targets a person has paused: by device name, host, or host and port."""

from collections.abc import Iterable

from exporters.probing.collector import Target
from exporters.probing.ownership import endpoint


class Pauses:
    """The set of paused targets of one process."""

    def __init__(self, targets: Iterable[str] = ()) -> None:
        self._targets = frozenset(targets)

    @property
    def targets(self) -> list[str]:
        """What is paused, sorted."""
        return sorted(self._targets)

    def replace(self, targets: Iterable[str]) -> None:
        """Set what is paused."""
        self._targets = frozenset(targets)

    def __contains__(self, target: object) -> bool:
        if not self._targets or not isinstance(target, Target):
            return False
        names = {target.name, target.address, target.host}
        names |= {endpoint(target.address, target.port), endpoint(target.host, target.port)}
        return not self._targets.isdisjoint(names)
