"""The configuration file of the exporters as frozen values: credentials, modules, devices, limits.

Plug-ins add keys of their own: `config_type` puts together the class for the installed ones, and
`exporters.config:Config` is that class for all of them (for `heronwatch schema exporters`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Struct

from exporters.probing.collector import Plugin
from exporters.probing.pacing import Pacing
from exporters.probing.registry import installed
from heronwatch.config import ByKey
from heronwatch.values import Duration, HostPort, Network

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_RESERVED_LABELS = frozenset({"instance", "job"})
_NAME_TROUBLE = re.compile(r"""[\s,&?#%/\\"'{}]""")


class DeviceBlock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One device by one protocol. Plug-ins add keys, such as `unit`."""

    name: str
    """What `instance` will be. A device read by two protocols has two entries of the same name."""
    address: HostPort
    protocol: str | None = None
    """Only needed where the modules' names leave a choice."""
    module: str | None = None
    modules: tuple[str, ...] = ()
    credential: str | None = None
    labels: dict[str, str] = {}
    interval: Duration | None = None
    timeout: Duration | None = None
    min_interval: Duration | None = None
    paused: bool = False

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Yield what is wrong within the block."""
        if not self.name or _NAME_TROUBLE.search(self.name):
            yield (
                "name",
                f"{self.name!r} is no device name (no spaces, commas, quotes, slashes, braces and ?&#%)",
            )
        if not self.address.host:
            yield "address", "the host is missing"
        if self.address.port == 0:
            yield "address", "0 is no port of a device"
        if self.module is not None and self.modules:
            yield "modules", "give either 'module' or 'modules'"
        if self.interval and self.timeout and self.timeout > self.interval:
            yield "timeout", f"{self.timeout} is longer than the interval {self.interval}; Prometheus refuses that"
        for key in ("interval", "timeout"):
            if getattr(self, key) == 0:
                yield key, "must be above 0"
        for label in self.labels:
            yield from _label_faults(label)

    def module_names(self) -> tuple[str, ...]:
        """Return the modules to read by default."""
        return (self.module,) if self.module is not None else self.modules


def _label_faults(label: str) -> Iterable[tuple[str, str]]:
    if not _LABEL.fullmatch(label) or label.startswith("__"):
        yield f"labels.{label}", f"{label!r} is no label name (letters, digits and '_', no digit and no '__' first)"
    elif label in _RESERVED_LABELS:
        yield f"labels.{label}", f"the label {label!r} is set by Heronwatch"


class LibraryBlock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The block named after a protocol whose modules come from files of its own."""

    config_files: tuple[Path, ...] = ()
    """Names or glob patterns, relative to this file's folder."""
    allowed_targets: tuple[Network, ...] = ()
    """Besides private and loopback addresses and the devices: where unbound credentials may be sent."""
    allow_any_target: bool = False
    strict: bool = False
    """A duplicate series fails the scrape, as it does in the original."""
    partial_results: bool = False
    """The protocol's own route answers 200 with what was read and `probe_success`, instead of 500 on any fault."""


class ConfigFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every configuration file of the exporters has."""

    version: Literal[1]
    credentials: dict[str, Any] = {}
    """By name; the key `protocol` picks the plug-in's own block. `networks` binds it to addresses."""
    modules: dict[str, Any] = {}
    """By name; the key `protocol` picks the plug-in's own block."""
    devices: tuple[DeviceBlock, ...] = ()
    allowed_targets: tuple[Network, ...] = ()
    """Addresses that `/probe` may be aimed at without being listed as devices."""
    pacing: Pacing = Pacing()

    def library(self, protocol: str) -> LibraryBlock:
        """Return the block named after a protocol."""
        return getattr(self, protocol, LibraryBlock())


def config_type(plugins: Sequence[Plugin]) -> type[ConfigFile]:
    """Return the configuration class with the keys that the plug-ins add."""
    device: Any = _extended(DeviceBlock, _device_keys(plugins))
    credential: Any = _by_protocol({plugin.protocol: plugin.credential_type for plugin in plugins})
    module: Any = _by_protocol({plugin.protocol: plugin.module_type for plugin in plugins})
    fields: list[tuple[str, Any, Any]] = [
        ("credentials", dict[str, credential], {}),
        ("modules", dict[str, module], {}),
        ("devices", tuple[device, ...], ()),
        *((plugin.protocol, LibraryBlock, LibraryBlock()) for plugin in plugins if plugin.library),
    ]
    return cast("type[ConfigFile]", _extended(ConfigFile, fields))


def _by_protocol(types: Mapping[str, type[Struct] | None]) -> Any:
    known = {protocol: cls for protocol, cls in types.items() if cls is not None}
    return Annotated[Any, ByKey("protocol", names=lambda: known, type_of=known.__getitem__)]


def _device_keys(plugins: Sequence[Plugin]) -> list[tuple[str, Any, Any]]:
    names = sorted({key for plugin in plugins for key in plugin.params})
    return [(name, int | str | None, None) for name in names]


def _extended(base: type[Struct], fields: Sequence[tuple[str, Any, Any]]) -> Any:  # made at run time
    made = msgspec.defstruct(
        base.__name__,
        fields,
        bases=(base,),
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        omit_defaults=True,
    )
    made.__doc__ = base.__doc__
    return made


def protocol_of(block: Struct) -> str:
    """Return the protocol of a block under `modules:` or `credentials:`, which is its tag."""
    return str(block.__struct_config__.tag)


def __getattr__(name: str) -> type[ConfigFile]:
    if name != "Config":
        raise AttributeError(name)
    return config_type(installed()[0])
