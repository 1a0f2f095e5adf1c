"""`--PROTOCOL.debug-packets`: every packet in the log, in words and without secrets."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from exporters.probing.collector import Explainer, Plugin
from heronwatch.logs import get_logger


def packet_logs(plugins: Iterable[Plugin], options: Mapping[str, Any]) -> dict[str, Callable[[str, bytes], None]]:
    """Return what collectors are to be told: for each protocol whose packets are wanted, where they go."""
    return {
        f"{plugin.protocol}_trace": _logger(plugin.protocol, plugin.explain())
        for plugin in plugins
        if plugin.explain is not None and options.get(f"{plugin.protocol}_debug_packets")
    }


def _logger(protocol: str, explainer: Explainer) -> Callable[[str, bytes], None]:
    log = get_logger(f"exporters.{protocol}.packets")

    def heard(direction: str, packet: bytes) -> None:
        log.info("packet", said="; ".join(line.strip() for line in explainer.packet(direction, packet)))

    return heard
