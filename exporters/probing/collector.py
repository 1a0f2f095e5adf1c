"""The seam of what is pulled: a `Collector` per protocol, and the `Plugin` value that brings it.

A plug-in is one folder (or file) with a `PLUGIN` and one line in `registry.py`, or an entry point in the group
`heronwatch.collectors`. `PLUGIN` is built cheaply: its libraries are imported inside `make`, `simulate` and `contract`.
The engine (`scrape.py`) calls `collect` for one endpoint (address and port) at a time, so a collector needs one session
and one request in flight per endpoint and no lock of its own.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

from msgspec import Struct
from prometheus_client import CollectorRegistry

from exporters.metric.samples import Reading
from heronwatch.values import Network

Transport = Literal["udp", "tcp"]


class ModuleBlock(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="protocol"
):
    """A block under `modules:`; a plug-in's own derives from it: `class SshModule(ModuleBlock, tag="ssh")`.

    The tag is the protocol: the file's key `protocol:` picks the class, and the class tells the protocol.
    """


class CredentialBlock(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="protocol"
):
    """A block under `credentials:`; a plug-in's own block derives from it and holds its secrets as `Secret`.

    A credential is sent to the devices that name it and to addresses inside `networks`, nowhere else.
    """

    networks: tuple[Network, ...] = ()


class Module(Struct, frozen=True, kw_only=True, eq=False):
    """What to read from a device: compiled once when the config loads.

    `plan` is the plug-in's own value (an accepted config cannot fail for its form later); nobody else looks inside.
    """

    name: str
    plan: Any


class Credential(Struct, frozen=True, kw_only=True, eq=False):
    """A credential by name; `value` is the plug-in's own Struct. `bound` ones are never sent elsewhere."""

    name: str
    value: Any
    bound: bool = True
    networks: tuple[Network, ...] = ()


class Target(Struct, frozen=True, kw_only=True, eq=False):
    """One device by one protocol. `address` is the literal IP address that the guard has accepted: connect to it.

    `host` is the name or address as a person wrote it (for host-key look-ups and messages). `params` are the plug-in's
    own keys, such as Modbus' `unit`; every key that the plug-in lists in `Plugin.params` and that has a value is there.
    """

    name: str
    address: str
    port: int
    host: str = ""
    transport: Transport = "udp"
    credential: Credential | None = None
    params: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}


class Collector(Protocol):
    """Reads devices of one protocol. It keeps sessions per endpoint and closes idle ones by itself."""

    async def collect(self, target: Target, modules: Sequence[Module], deadline: float) -> Reading:
        """Read `modules` from `target` before `deadline` (a `loop.time()` value, seconds).

        Device trouble is a value: what went wrong comes back in `Reading.faults`, beside the samples that were read.
        A module without a fault is complete. The engine cancels a call that passes the deadline.
        """
        ...

    async def release(self, target: Target) -> None:
        """Close what is kept for `target`: it was paused, changed or removed. Unknown targets are ignored."""
        ...

    async def close(self) -> None:
        """Close every session."""
        ...


class CollectorContext(Struct, frozen=True, kw_only=True, eq=False):
    """What the engine hands to `Plugin.make`."""

    registry: CollectorRegistry
    """Where the plug-in's own metrics go (`prometheus_client` objects, names `heronwatch_exporter_<protocol>_…`)."""
    options: Mapping[str, Any] = {}
    """The command-line options that the plug-in added in `add_arguments`, by their `dest`."""
    idle_timeout_s: float = 300.0
    """Sessions unused for so long are closed; a plug-in may choose a shorter time."""


class Param(Struct, frozen=True, kw_only=True):
    r"""A key that a plug-in adds to devices, such as `unit`, and to the URL under `url` (empty: not by URL).

    `pattern` is a regular expression that must match the whole value, such as `\d{1,3}`.
    """

    help: str
    pattern: str
    url: str = ""


class Endpoint(Struct, frozen=True, kw_only=True):
    """A route of its own that works as another exporter's: any fault answers 500 with its reason as text."""

    path: str
    default_module: str
    default_credential: str
    credential_param: str


class Library(Struct, frozen=True, kw_only=True, eq=False):
    """Modules and credentials that a plug-in reads from files of its own, such as an ordinary `snmp.yml`."""

    modules: Mapping[str, Module]
    credentials: Mapping[str, Credential]
    shown: Callable[[], str] = str
    """The files as YAML for people to see, secrets as <secret>; for `/config`."""


class Explainer(Protocol):
    """Says in words what went over the wire; of each packet that the option `PROTOCOL_trace` of the context is told."""

    def packet(self, direction: str, packet: bytes) -> Sequence[str]:
        """Return lines for a packet, without any secret. `direction` is "sent" or "received"."""
        ...

    def values(self, module: Module) -> Sequence[str]:
        """Return a line for each value that came since the last call: as it came, and what the module made of it."""
        ...

    def advice(self, reason: str, target: "Target") -> str:
        """Return what a person may check after a fault with this reason, or ""."""
        ...


class SimulatedDevice(Protocol):
    """A device of the plug-in's own simulator, running, for the contract suite."""

    target: Target
    """How to reach it, credential included."""

    def sessions(self) -> int:
        """Count the sessions open now (connections), or for datagrams the distinct source ports seen so far."""
        ...

    def operations(self) -> Sequence[str]:
        """Name every operation received so far, in order, such as `GetBulk` or `read input registers`."""
        ...

    def forbidden(self) -> Sequence[str]:
        """Those operations that the table of docs/exporters/safe-for-devices.md does not permit."""
        ...


class Contract(Struct, frozen=True, kw_only=True, eq=False):
    """What the contract suite (tests/contracts/test_collectors.py) needs to examine a plug-in."""

    transport: Transport
    modules: Callable[[], Sequence[Module]]
    """One module or more that the simulated device answers completely."""
    target: Callable[[str, int], Target]
    """A target at any address and port: the suite puts silent, refusing and garbage-speaking devices there."""
    device: Callable[[], AbstractAsyncContextManager[SimulatedDevice]]
    """Starts the simulator on a free loopback port."""


class Simulation(Struct, frozen=True, kw_only=True, eq=False):
    """`heronwatch exporter simulate PROTOCOL …`."""

    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]
    """Serve until SIGINT or SIGTERM; return the exit status. It prints `listening on HOST:PORT` first."""


def _no_modules() -> Mapping[str, Module]:
    return {}


def _no_arguments(_parser: ArgumentParser) -> None:
    return None


class Plugin(Struct, frozen=True, kw_only=True, eq=False):
    """One protocol: everything the rest of the exporters knows about it."""

    protocol: str
    transport: Transport
    default_port: int
    make: Callable[[CollectorContext], Collector]
    """Builds the collector; it may import the protocol's library, whose absence raises `ModuleNotFoundError`."""
    module_type: type[ModuleBlock] | None = None
    """The block under `modules:`; None when modules only come from `library`."""
    compile_module: Callable[[str, Any], Module] | None = None
    """`(name, block) -> Module`; it raises `ValueError` for what the block's own checks cannot see."""
    credential_type: type[CredentialBlock] | None = None
    """The block under `credentials:`; None when the protocol knows no credential."""
    builtin_modules: Callable[[], Mapping[str, Module]] = _no_modules
    """Modules shipped with the plug-in, by name; compiling them lazily is fine."""
    params: Mapping[str, Param] = {}
    library: Callable[..., Library] | None = None
    """`(paths) -> Library` reads files of the plug-in's own form (`--PROTOCOL.config-file`); raises `ConfigError` with
    every fault. The keyword `expand_environment=True` is given with `--config.expand-environment-variables` only."""
    recognizes: Callable[[str], bool] | None = None
    """Says whether a text is a file of the plug-in's own form, which `--config.file` then takes, too."""
    endpoint: Endpoint | None = None
    add_arguments: Callable[[ArgumentParser], None] = _no_arguments
    """Adds options named `--PROTOCOL.…` to `serve` and `probe`."""
    explain: Callable[[], "Explainer"] | None = None
    """Makes what turns packets into words: for `probe --trace` and for the log."""
    simulate: Simulation | None = None
    contract: Callable[[], Contract] | None = None
