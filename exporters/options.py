"""What the command line says, as a plain value that can be handed to another process; no secret is among it."""

from pathlib import Path
from typing import Any

from msgspec import Struct

from exporters.config import LibraryBlock
from exporters.loading import Sources
from heronwatch.values import HostPort, Network


class LibraryOptions(Struct, frozen=True, kw_only=True):
    """`--PROTOCOL.config-file` and its guards, as text."""

    config_files: tuple[str, ...] = ()
    allowed_targets: tuple[str, ...] = ()
    allow_any_target: bool = False
    strict: bool = False
    partial_results: bool = False

    def block(self) -> LibraryBlock:
        """Return them as a block of the configuration."""
        return LibraryBlock(
            config_files=tuple(Path(name) for name in self.config_files),
            allowed_targets=tuple(Network.parse(text) for text in self.allowed_targets),
            allow_any_target=self.allow_any_target,
            strict=self.strict,
            partial_results=self.partial_results,
        )


class ServeOptions(Struct, frozen=True, kw_only=True):
    """Everything `heronwatch exporter serve` was told."""

    config_files: tuple[str, ...] = ()
    libraries: dict[str, LibraryOptions] = {}
    expand_environment: bool = False
    telemetry_path: str = "/metrics"
    listen: tuple[str, ...] = ()
    web_config_file: str = ""
    external_url: str = ""
    enable_lifecycle: bool = False
    insecure: bool = False
    log_level: str = "info"
    log_format: str = "logfmt"
    idle_timeout_s: float = 300.0
    plugin_options: dict[str, Any] = {}

    def sources(self) -> Sources:
        """Return where the configuration comes from."""
        return Sources(
            config_files=self.config_files,
            libraries={protocol: library.block() for protocol, library in self.libraries.items()},
            expand_environment=self.expand_environment,
        )

    def places(self) -> tuple[HostPort, ...]:
        """Return where to listen."""
        return tuple(HostPort.parse(text) for text in self.listen)
