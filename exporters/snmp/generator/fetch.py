"""What a made module fetches, how its labels are named, and what an older reader would not take."""

import re
from collections.abc import Collection
from typing import Any

from exporters.snmp.mib.tree import Arcs

Block = dict[str, Any]

_NO_LABEL = re.compile(r"[^a-zA-Z0-9_]")


class Fetch:
    """OIDs to walk and instances to get."""

    def __init__(self) -> None:
        self.walks: set[Arcs] = set()
        self.gets: set[Arcs] = set()

    def walk(self) -> list[str]:
        """Return what is walked, without what another walk covers, in the order of the text as the original does."""
        return sorted(map(dotted, outermost(self.walks)))

    def get(self) -> list[str]:
        """Return what is fetched one by one: the instances that no walk covers."""
        return sorted(dotted(arcs) for arcs in self.gets if not _covered(arcs, self.walks) and arcs not in self.walks)


def dotted(arcs: Arcs) -> str:
    """Return an OID in numbers with dots."""
    return ".".join(map(str, arcs))


def _covered(arcs: Arcs, roots: Collection[Arcs]) -> bool:
    return any(arcs[:size] in roots for size in range(1, len(arcs)))


def outermost(roots: Collection[Arcs]) -> list[Arcs]:
    """Return the OIDs that are below no other of them."""
    wanted = set(roots)
    return [arcs for arcs in wanted if not _covered(arcs, wanted)]


def label_name(name: str) -> str:
    """Return a MIB's name as the name of a label and of a metric.

    >>> label_name("mib-2")
    'mib_2'
    """
    return _NO_LABEL.sub("_", name)


def for_0_30(module: Block) -> Block:
    """Return a module without the keys that came after snmp_exporter 0.30."""
    metrics = []
    for metric in module["metrics"]:
        kept = {key: value for key, value in metric.items() if key != "display_hint"}
        if "lookups" in kept:
            later = {"display_hint", "enum_values"}
            kept["lookups"] = [
                {key: value for key, value in one.items() if key not in later} for one in kept["lookups"]
            ]
        metrics.append(kept)
    return {**module, "metrics": metrics}
