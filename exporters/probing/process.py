"""One serving process: the configuration in force, the engine, and how both change while requests come in."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Self

from exporters.loading import Setup, changed, files_of
from exporters.probing.collector import CollectorContext
from exporters.probing.collectors import Collectors
from exporters.probing.metrics import ScrapeMetrics, StateMetrics
from exporters.probing.resolve import Resolver
from exporters.probing.routes import Answers
from exporters.probing.scrape import Scraper
from exporters.probing.team import Alone, Ask, Team
from exporters.snapshot import FILES, Snapshot
from heronwatch.clock import Clock
from heronwatch.http_message import Response
from heronwatch.logs import get_logger
from heronwatch.telemetry import Telemetry

Loader = Callable[[Setup | None, Snapshot], Setup]
"""Loads the configuration anew, given the one in force and where to read its files; raises `ConfigError`."""


class Process:
    """The state of one process; an asynchronous context inside which it serves."""

    def __init__(
        self, setup: Setup, load: Loader, telemetry: Telemetry, clock: Clock, context: CollectorContext
    ) -> None:
        self.setup = setup
        self.team: Team = Alone(self)
        self._load = load
        self._telemetry = telemetry
        self._clock = clock
        self._prepared: Setup | None = None
        self._state = StateMetrics(telemetry.registry)
        metrics = ScrapeMetrics(telemetry.registry)
        self._collectors = Collectors(lambda: self.setup.plugins, context)
        self._resolver = Resolver(now=clock.monotonic)
        self._scraper = Scraper(
            self._collectors.of,
            metrics,
            pacing=lambda: self.setup.config.pacing,
            now=clock.monotonic,
            random=random.random,
        )
        self.answers = Answers(lambda: self.setup, lambda: self.team, self._scraper, self._resolver, metrics)
        self._log = get_logger("exporters")

    async def __aenter__(self) -> Self:
        """Make the collectors of the configured devices; raises `PluginUnavailable` where a library is missing."""
        for protocol in sorted({device.protocol for device in self.setup.inventory.devices}):
            self._collectors.of(protocol)
        await self._scraper.__aenter__()
        self._in_force(self.setup)
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._scraper.__aexit__(*reason)
        await self._collectors.close()
        self._resolver.close()

    async def answer(self, ask: Ask) -> Response:
        """Answer a scrape here."""
        return await self.answers.answer(ask)

    @property
    def paused(self) -> Sequence[str]:
        """What is paused."""
        return self._scraper.pauses.targets

    async def set_pauses(self, targets: Sequence[str]) -> None:
        """Set what is paused."""
        await self._scraper.pause(targets)
        self._describe()

    def forget(self, target: str) -> None:
        """Forget the failures of a target."""
        self._scraper.forget(target)

    async def reload(self) -> None:
        """Load the configuration in every process or in none; raises `ConfigError`."""
        await self.team.reload()

    async def prepare(self, snapshot: Snapshot = FILES) -> None:
        """Load a configuration without using it; raises `ConfigError`."""
        self._prepared = None
        try:
            self._prepared = await asyncio.to_thread(self._load, self.setup, snapshot)
        except Exception:
            self._telemetry.reload_failed()
            raise

    async def copy_files(self, snapshot: Snapshot) -> None:
        """Copy the files of what was prepared."""
        if self._prepared is not None:
            await asyncio.to_thread(snapshot.take, files_of(self._prepared))

    async def commit(self) -> None:
        """Use what was prepared; sessions of devices that did not change are kept."""
        if self._prepared is None:
            return
        old, self.setup, self._prepared = self.setup, self._prepared, None
        self._in_force(self.setup)
        await self._scraper.release([device.name for device in changed(old.inventory, self.setup.inventory)])

    def _in_force(self, setup: Setup) -> None:
        self._telemetry.reload_succeeded(self._clock.now())
        self._describe()
        for fault in setup.warnings:
            self._log.warning("configuration", fault=str(fault))
        for protocol, library in setup.libraries.items():
            if library.allow_any_target:
                self._log.warning(
                    "credentials may be sent to any address", protocol=protocol, option=f"--{protocol}.allow-any-target"
                )

    def _describe(self) -> None:
        self._state.describe(
            devices=len(self.setup.inventory.devices),
            paused=len(self.paused),
            any_target={protocol: block.allow_any_target for protocol, block in self.setup.libraries.items()},
        )
