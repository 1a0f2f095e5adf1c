"""The collectors of one process: made when a protocol is first used, kept over reloads, closed at the end."""

from collections.abc import Callable, Mapping

from exporters.probing.collector import Collector, CollectorContext, Plugin
from heronwatch.errors import PluginUnavailable
from heronwatch.logs import get_logger


class Collectors:
    """One collector for each protocol in use."""

    def __init__(self, plugins: Callable[[], Mapping[str, Plugin]], context: CollectorContext) -> None:
        self._plugins = plugins
        self._context = context
        self._made: dict[str, Collector] = {}
        self._log = get_logger("exporters.collectors")

    def of(self, protocol: str) -> Collector:
        """Return the collector of a protocol; raises `PluginUnavailable` where its library is missing."""
        collector = self._made.get(protocol)
        if collector is None:
            collector = self._made[protocol] = self._make(self._plugins()[protocol])
        return collector

    def _make(self, plugin: Plugin) -> Collector:
        try:
            return plugin.make(self._context)
        except ModuleNotFoundError as error:
            remedy = f"pip install 'heronwatch[{plugin.protocol}]'"
            raise PluginUnavailable(
                f"{plugin.protocol} needs {error.name}, which is not installed: {remedy}"
            ) from error

    async def close(self) -> None:
        """Close all sessions."""
        for protocol, collector in self._made.items():
            try:
                await collector.close()
            except Exception:  # noqa: BLE001  # a plug-in's mistake must not keep the others open
                self._log.exception("a collector could not be closed", protocol=protocol)
        self._made.clear()
