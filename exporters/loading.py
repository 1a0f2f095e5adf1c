"""Files → `Setup`: the configuration with every reference checked and every module compiled, or every fault."""

import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from exporters.config import ConfigFile, LibraryBlock, config_type, protocol_of
from exporters.file_forms import FileForms, NamedFiles
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
    """Where the configuration comes from: files, and what the command line says about a protocol's own ones.

    Among `config_files` there may be files of a protocol's own form: they are told apart by their content.
    """

    config_files: tuple[str, ...] = ()
    libraries: Mapping[str, LibraryBlock] = {}
    expand_environment: bool = False


class Setup(Struct, frozen=True, kw_only=True, eq=False):
    """A configuration in force. By protocol: `modules`, `credentials` and `libraries`, each by name."""

    config: ConfigFile
    plugins: Mapping[str, Plugin]
    modules: Mapping[str, Mapping[str, Module]]
    credentials: Mapping[str, Mapping[str, Credential]]
    libraries: Mapping[str, LibraryBlock]
    inventory: Inventory
    shown: tuple[Callable[[], str], ...] = ()
    files: tuple[str, ...] = ()
    warnings: tuple[Fault, ...] = ()

    @property
    def stands_in_for(self) -> str:
        """The protocol whose own files are all the configuration there is, or ""."""
        with_files = [protocol for protocol, block in self.libraries.items() if block.config_files]
        return with_files[0] if self.files == (NO_FILE_NAME,) and len(with_files) == 1 else ""

    @property
    def masked(self) -> str:
        """The files as YAML for people to see, without secrets. It may take a second the first time."""
        return "\n".join(text for show in self.shown if (text := show()))

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
    files = FileForms(plugins, snapshot).sorted(sources.config_files)
    line = {plugin.protocol: _on_the_line(plugin.protocol, sources, files) for plugin in plugins if plugin.library}
    try:
        loaded = _loaded(files.own, config_type(plugins), snapshot)
    except ConfigError as error:
        others = _library_faults(line, sources, plugins, snapshot)
        raise ConfigError([*files.faults, *error.faults, *others]) from error
    if files.faults:
        raise ConfigError([*files.faults, *_library_faults(line, sources, plugins, snapshot)])
    return _Assembly(loaded, line, sources, plugins, previous, snapshot).setup()


def _on_the_line(protocol: str, sources: Sources, files: NamedFiles) -> LibraryBlock:
    """Return what the command line says about a protocol, with the files of its own form."""
    block = sources.libraries.get(protocol, LibraryBlock())
    named = tuple(map(Path, files.libraries.get(protocol, ())))
    return structs.replace(block, config_files=(*named, *block.config_files))


def _library_faults(
    line: Mapping[str, LibraryBlock], sources: Sources, plugins: Sequence[Plugin], snapshot: Snapshot
) -> list[Fault]:
    """Return what is wrong with a protocol's own files, when the others cannot be read: all faults at once."""
    faults: list[Fault] = []
    for plugin in plugins:
        if plugin.protocol in line:
            _read_library(plugin, line[plugin.protocol], sources, snapshot, faults)
    return faults


def _read_library(
    plugin: Plugin, block: LibraryBlock, sources: Sources, snapshot: Snapshot, faults: list[Fault]
) -> Library:
    """Read a protocol's own files; what is wrong with them goes to `faults`."""
    keywords = {"expand_environment": True} if sources.expand_environment else {}
    try:
        files = [snapshot.of(path) for path in _matching(block.config_files)]
        if plugin.library is not None:
            return plugin.library(files, **keywords)
    except ConfigError as error:
        faults += error.faults
    return Library(modules={}, credentials={})


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
        line: Mapping[str, LibraryBlock],
        sources: Sources,
        plugins: Sequence[Plugin],
        previous: Setup | None,
        snapshot: Snapshot,
    ) -> None:
        self._snapshot = snapshot
        self._loaded = loaded
        self._line = line
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
            shown=(*self._own_shown(), *(library.shown for library in libraries.values())),
            files=self._loaded.files,
            warnings=self._loaded.warnings,
        )

    def _own_shown(self) -> list[Callable[[], str]]:
        masked = self._loaded.masked()
        return [] if self._loaded.files == (NO_FILE_NAME,) else [lambda: masked]

    def _library_options(self, protocol: str) -> LibraryBlock:
        """Join what the file and the command line say."""
        block = self._config.library(protocol)
        line = self._line[protocol]
        return LibraryBlock(
            config_files=(*block.config_files, *line.config_files),
            allowed_targets=(*block.allowed_targets, *line.allowed_targets),
            allow_any_target=block.allow_any_target or line.allow_any_target,
            strict=block.strict or line.strict,
            partial_results=block.partial_results or line.partial_results,
        )

    def _library(self, plugin: Plugin, block: LibraryBlock) -> Library:
        return _read_library(plugin, block, self._sources, self._snapshot, self._faults)

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
