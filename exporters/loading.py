"""Files → `Setup`: the configuration with every reference checked and every module compiled, or every fault."""

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any

from msgspec import Struct

from exporters.config import ConfigFile, LibraryBlock, config_type, protocol_of
from exporters.inventory.checks import DeviceChecks
from exporters.inventory.devices import Device, Inventory
from exporters.probing.collector import Credential, Library, Module, Plugin
from exporters.snapshot import FILES, Snapshot
from heronwatch.config import Loaded, load, loads
from heronwatch.errors import ConfigError
from heronwatch.faults import Fault

NO_FILE = "version: 1"
NO_FILE_NAME = "<no --config.file>"
_MODULE_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class Sources(Struct, frozen=True, kw_only=True):
    """Where the configuration comes from: files, and what the command line says about a protocol's own ones."""

    config_files: tuple[str, ...] = ()
    libraries: Mapping[str, LibraryBlock] = {}


class Setup(Struct, frozen=True, kw_only=True, eq=False):
    """A configuration in force. By protocol: `modules`, `credentials` and `libraries`, each by name."""

    config: ConfigFile
    plugins: Mapping[str, Plugin]
    modules: Mapping[str, Mapping[str, Module]]
    credentials: Mapping[str, Mapping[str, Credential]]
    libraries: Mapping[str, LibraryBlock]
    inventory: Inventory
    masked: str
    files: tuple[str, ...] = ()
    warnings: tuple[Fault, ...] = ()

    def protocols_of(self, module: str) -> list[str]:
        """Return the protocols that know a module of this name."""
        return [protocol for protocol, modules in self.modules.items() if module in modules]

    def module_names(self) -> list[str]:
        """Return the names of all modules."""
        return sorted({name for modules in self.modules.values() for name in modules})


def load_setup(
    sources: Sources, plugins: Sequence[Plugin], previous: Setup | None = None, snapshot: Snapshot = FILES
) -> Setup:
    """Read and check everything; raises `ConfigError` with every fault.

    Credentials equal to those of the `previous` setup are the same objects again: what is remembered of them stays.
    """
    loaded = _loaded(sources.config_files, config_type(plugins), snapshot)
    return _Assembly(loaded, sources, plugins, previous, snapshot).setup()


def _loaded(names: Sequence[str], cls: type[ConfigFile], snapshot: Snapshot) -> Loaded[ConfigFile]:
    if not names:
        return loads(NO_FILE, cls, file=NO_FILE_NAME)
    copy = snapshot.of(Path(names[0]))
    if len(names) == 1 and copy != Path(names[0]):
        return loads(copy.read_text(encoding="utf-8"), cls, file=names[0])
    return load(names, cls)


def files_of(setup: Setup) -> list[Path]:
    """Return the files that a configuration was read from."""
    libraries = (path for block in setup.libraries.values() for path in _matching(block.config_files))
    return [*(Path(name) for name in setup.files if name != NO_FILE_NAME), *libraries]


def _matching(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files for names and patterns; what matches nothing is left for its reader to tell."""
    for path in paths:
        matches = [] if path.exists() else sorted(glob(str(path)))  # noqa: PTH207  # absolute patterns
        yield from map(Path, matches or [str(path)])


class _Assembly:
    """One load: collects faults from every check instead of stopping at the first."""

    def __init__(
        self,
        loaded: Loaded[ConfigFile],
        sources: Sources,
        plugins: Sequence[Plugin],
        previous: Setup | None,
        snapshot: Snapshot,
    ) -> None:
        self._snapshot = snapshot
        self._loaded = loaded
        self._previous = previous.credentials if previous else {}
        self._config = loaded.value
        self._sources = sources
        self._plugins = {plugin.protocol: plugin for plugin in plugins}
        self._faults: list[Fault] = []

    def setup(self) -> Setup:
        options = {name: self._library_options(name) for name, plugin in self._plugins.items() if plugin.library}
        libraries = {name: self._library(self._plugins[name], block) for name, block in options.items()}
        modules = {name: self._modules(plugin, libraries.get(name)) for name, plugin in self._plugins.items()}
        credentials = {name: self._credentials(name, libraries.get(name)) for name in self._plugins}
        checks = DeviceChecks(self._loaded, self._plugins, modules, credentials)
        inventory = Inventory(checks.devices())
        self._faults += checks.faults
        if self._faults:
            raise ConfigError(self._faults)
        return Setup(
            config=self._config,
            plugins=self._plugins,
            modules=modules,
            credentials=credentials,
            libraries=options,
            inventory=inventory,
            masked=self._loaded.masked(),
            files=self._loaded.files,
            warnings=self._loaded.warnings,
        )

    def _library_options(self, protocol: str) -> LibraryBlock:
        """Join what the file and the command line say."""
        block = self._config.library(protocol)
        line = self._sources.libraries.get(protocol, LibraryBlock())
        return LibraryBlock(
            config_files=(*block.config_files, *line.config_files),
            allowed_targets=(*block.allowed_targets, *line.allowed_targets),
            allow_any_target=block.allow_any_target or line.allow_any_target,
            strict=block.strict or line.strict,
            partial_results=block.partial_results or line.partial_results,
        )

    def _library(self, plugin: Plugin, block: LibraryBlock) -> Library:
        try:
            files = [self._snapshot.of(path) for path in _matching(block.config_files)]
            return plugin.library(files) if plugin.library else Library(modules={}, credentials={})
        except ConfigError as error:
            self._faults += error.faults
            return Library(modules={}, credentials={})

    def _modules(self, plugin: Plugin, library: Library | None) -> Mapping[str, Module]:
        own: dict[str, Module] = {}
        for name, block in self._config.modules.items():
            if protocol_of(block) == plugin.protocol:
                own.update(self._compiled(plugin, name, block))
        return ChainMap(own, dict(library.modules) if library else {}, dict(plugin.builtin_modules()))

    def _compiled(self, plugin: Plugin, name: str, block: Any) -> dict[str, Module]:
        path = f"modules.{name}"
        if not _MODULE_NAME.fullmatch(name):
            self._fault(path, f"{name!r} is no module name (letters, digits, '_', '-' and '.')")
            return {}
        try:
            return {
                name: plugin.compile_module(name, block) if plugin.compile_module else Module(name=name, plan=block)
            }
        except ValueError as error:
            self._fault(path, str(error))
            return {}

    def _credentials(self, protocol: str, library: Library | None) -> Mapping[str, Credential]:
        own = {
            name: Credential(name=name, value=block, networks=block.networks)
            for name, block in self._config.credentials.items()
            if protocol_of(block) == protocol
        }
        known = {**(library.credentials if library else {}), **own}
        return {name: self._kept(protocol, credential) for name, credential in known.items()}

    def _kept(self, protocol: str, credential: Credential) -> Credential:
        """Return the credential of the previous configuration where nothing about it changed."""
        old = self._previous.get(protocol, {}).get(credential.name)
        if old is not None and (old.value, old.bound, old.networks) == (
            credential.value,
            credential.bound,
            credential.networks,
        ):
            return old
        return credential

    def _fault(self, path: str, message: str) -> None:
        self._faults.append(self._loaded.fault(path, message))


def changed(old: Inventory, new: Inventory) -> Iterable[Device]:
    """Return the devices of the old inventory that are gone or differ now: what is kept for them is released."""
    kept = {(device.protocol, device.name): device for device in new.devices}
    return [device for device in old.devices if kept.get((device.protocol, device.name)) != device]
