"""What the command line and a device's own keys say about how devices are asked. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, structs

from exporters.snmp import oid
from exporters.snmp.decoding import values
from heronwatch.values import Duration


class Options(Struct, frozen=True, kw_only=True):
    """How devices are asked; `keep_labels_s` above 0 keeps look-up columns and `static` tables so long."""

    wrap: int = values.WRAP
    window: int = 1
    keep_labels_s: float = 0.0
    static: tuple[bytes, ...] = ()
    source: str = ""
    printable: bool = False
    trace: Callable[[str, bytes], None] | None = None

    def for_device(self, params: Mapping[str, str]) -> "Options":
        """Return what holds for a device with these keys."""
        if "window" not in params and "cache_lookups" not in params:
            return self
        kept = params.get("cache_lookups")
        return structs.replace(
            self,
            window=int(params.get("window", self.window)),
            keep_labels_s=float(Duration.parse(kept)) if kept is not None else self.keep_labels_s,
        )


def options_of(given: Mapping[str, Any]) -> Options:
    """Read the options that `arguments.add_arguments` adds, by their `dest`; absent ones have their defaults."""
    static = str(given.get("snmp_cache_tables") or "")
    return Options(
        wrap=values.WRAP if given.get("snmp_wrap_large_counters", True) else 0,
        window=int(given.get("snmp_window") or 1),
        keep_labels_s=float(given.get("snmp_cache_lookups") or 0.0),
        static=tuple(oid.encode(name) for name in static.split(",") if name),
        source=str(given.get("snmp_source_address") or ""),
        printable=bool(given.get("snmp_printable_text")),
        trace=given.get("snmp_trace"),
    )
