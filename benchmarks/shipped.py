"""Our own modules as snmp_exporter understands them, so that both sides can read the same file."""

import functools
from collections.abc import Collection, Mapping
from typing import Any

import yaml

from exporters.snmp.config.catalogue import SHIPPED

_OURS = frozenset({"row_scale", "row_precision"})
_OF_LOOKUPS = frozenset({"enum_values", "display_hint"})


@functools.cache
def shipped() -> Mapping[str, Any]:
    """Return the shipped modules without what snmp_exporter 0.30 does not know."""
    modules: dict[str, Any] = {}
    for path in sorted(SHIPPED.glob("*.yml")):
        modules |= yaml.load(path.read_text(), yaml.CSafeLoader)["modules"]
    return {name: without(module, {"display_hint"}) for name, module in modules.items()}


def without(module: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """Leave out keys of metrics, metrics that are scaled by the row, and enums of look-ups."""
    metrics = [
        {key: value for key, value in metric.items() if key not in keys}
        for metric in module["metrics"]
        if not _OURS & set(metric)
    ]
    for metric in metrics:
        if "lookups" in metric:
            metric["lookups"] = [
                {key: value for key, value in lookup.items() if key not in _OF_LOOKUPS} for lookup in metric["lookups"]
            ]
    return {**module, "metrics": metrics}


def as_file(modules: Mapping[str, Any]) -> str:
    """Return modules as a file of today's form."""
    content = {"auths": {"public_v2": {"community": "public", "version": 2}}, "modules": dict(modules)}
    return str(yaml.dump(content, Dumper=yaml.CSafeDumper))
