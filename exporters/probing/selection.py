"""What a request asks for: query parameters and configuration → `Wanted`, before anything is resolved or sent."""

from collections.abc import Iterable, Mapping
from typing import cast

from msgspec import Struct

from exporters.errors import RefusedError, WrongRequestError
from exporters.inventory.checks import param_trouble
from exporters.inventory.credentials import Circumstances, may_send, narrowest
from exporters.inventory.devices import Device
from exporters.loading import Setup
from exporters.probing.collector import Credential, Endpoint, Module, Plugin, Target, Transport
from heronwatch.faults import quoted
from heronwatch.guards import Decision
from heronwatch.http_message import Query
from heronwatch.values import HostPort
from heronwatch.words import hint, listing

LONGEST_TARGET = 300
_PROBE_KEYS = ("target", "module", "protocol")


class Wanted(Struct, frozen=True, kw_only=True, eq=False):
    """One scrape that was asked for. `credential` is None where none is needed or where the address decides."""

    plugin: Plugin
    name: str
    host: str
    port: int
    transport: Transport
    modules: tuple[Module, ...]
    params: Mapping[str, str]
    circumstances: Circumstances
    credential: Credential | None = None
    choose_credential: bool = False
    device: Device | None = None
    strict: bool = False
    partial_results: bool = False

    @property
    def timeout_s(self) -> float | None:
        """The device's own limit of a scrape, seconds."""
        return self.device.timeout_s if self.device else None


def probe_wanted(setup: Setup, query: Query) -> Wanted:
    """Read the parameters of `/probe`; raises `WrongRequestError`, or `RefusedError` for a chosen credential."""
    text = _one(query, "target")
    names = _list(query, "module")
    device, protocol = _named_device(setup, text, names, query.get("protocol"))
    plugin = setup.plugins[protocol]
    _known_keys(query, plugin)
    host, port = (device.host, device.port) if device else _host_port(text, plugin)
    device = device or setup.inventory.at(protocol, host, port)
    names = names or (list(device.modules) if device else [])
    if not names:
        raise WrongRequestError(f"parameter 'module' is missing (one of {listing(setup.modules[protocol])})")
    return Wanted(
        plugin=plugin,
        name=device.name if device else str(HostPort(host, port)),
        host=host,
        port=port,
        transport=plugin.transport,
        modules=_modules(setup, protocol, names),
        params={**(device.params if device else {}), **_url_params(plugin, query)},
        credential=setup.credentials[protocol].get(device.credential or "") if device else None,
        choose_credential=device is None and needs_credential(plugin),
        device=device,
        circumstances=Circumstances(by_device=device is not None, allowed=setup.config.allowed_targets),
    )


def endpoint_wanted(setup: Setup, plugin: Plugin, query: Query) -> Wanted:
    """Read the parameters of a protocol's own route, such as `/snmp`; raises `WrongRequestError`."""
    endpoint = cast("Endpoint", plugin.endpoint)
    protocol = plugin.protocol
    transport, text = _transport(_one(query, "target"), plugin.transport)
    device = next((d for d in setup.inventory.named(text) if d.protocol == protocol), None)
    host, port = (device.host, device.port) if device else _host_port(text, plugin)
    names = _list(query, "module") or (list(device.modules) if device else [endpoint.default_module])
    if query.getall("module") and not _list(query, "module"):
        raise WrongRequestError("parameter 'module' names no module")
    named = device.credential if device else None
    credential = _credential(
        setup, protocol, _at_most_one(query, endpoint.credential_param) or named or endpoint.default_credential
    )
    library = setup.libraries[protocol]
    listed = device or setup.inventory.at(protocol, host, port)
    return Wanted(
        plugin=plugin,
        name=device.name if device else str(HostPort(host, port)),
        host=host,
        port=port,
        transport=transport,
        modules=_modules(setup, protocol, names),
        params={**(device.params if device else {}), **_url_params(plugin, query)},
        credential=credential,
        device=device,
        strict=library.strict,
        partial_results=library.partial_results,
        circumstances=Circumstances(
            by_device=listed is not None and listed.credential == credential.name,
            listed=host.lower() in setup.inventory.hosts,
            private_allowed=True,
            allowed=library.allowed_targets,
            any_target=library.allow_any_target,
            remedy=f"list the device, or its network by --{protocol}.allowed-targets",
        ),
    )


def permitted(setup: Setup, wanted: Wanted, address: str) -> tuple[Credential | None, Decision]:
    """Say whether the request may be sent to an address, and with which credential."""
    credential = wanted.credential
    if wanted.choose_credential:
        credential = narrowest(setup.credentials[wanted.plugin.protocol].values(), address)
        if credential is None:
            reason = (
                f"{address} is no listed device, and no credential is bound to a network that holds it:"
                " list the device under `devices`, or give a credential its network under `networks`"
            )
            return None, Decision(False, reason)
    return credential, may_send(credential, address, wanted.circumstances)


def target_of(setup: Setup, wanted: Wanted, address: str) -> Target:
    """Return what is to be read, at this very address; raises `RefusedError` when the guard says no."""
    credential, decision = permitted(setup, wanted, address)
    if not decision.allowed:
        raise RefusedError(decision.reason)
    return Target(
        name=wanted.name,
        address=address,
        port=wanted.port,
        host=wanted.host,
        transport=wanted.transport,
        credential=credential,
        params=wanted.params,
        labels=wanted.device.labels if wanted.device else {},
    )


def needs_credential(plugin: Plugin) -> bool:
    """Whether a protocol is never spoken without a credential."""
    return plugin.credential_type is not None or plugin.endpoint is not None


def _named_device(setup: Setup, text: str, modules: list[str], protocol: str | None) -> tuple[Device | None, str]:
    """Find the device of a name, or the protocol of an address: modules and protocol choose among several."""
    candidates = _protocols(setup, modules, protocol)
    devices = [device for device in setup.inventory.named(text) if device.protocol in candidates]
    if len(devices) == 1:
        return devices[0], devices[0].protocol
    if devices:
        choice = listing([device.protocol for device in devices])
        raise WrongRequestError(f"{quoted(text)} is read by several protocols: give 'module' or 'protocol' ({choice})")
    if setup.inventory.named(text):
        raise WrongRequestError(f"device {quoted(text)} is not read by {listing(candidates)}")
    if len(candidates) != 1:
        raise WrongRequestError(
            f"{quoted(text)} is no device{hint(text, setup.inventory.names())}; an address needs 'module'"
        )
    return None, candidates[0]


def _protocols(setup: Setup, modules: list[str], protocol: str | None) -> list[str]:
    if protocol is not None and protocol not in setup.plugins:
        raise WrongRequestError(f"{quoted(protocol)} is not a protocol{hint(protocol, list(setup.plugins))}")
    candidates = [protocol] if protocol is not None else list(setup.plugins)
    for name in modules:
        known = [candidate for candidate in candidates if name in setup.modules[candidate]]
        if not known:
            raise WrongRequestError(_unknown_module(setup, name, candidates))
        candidates = known
    return candidates


def _unknown_module(setup: Setup, name: str, protocols: Iterable[str]) -> str:
    others = setup.protocols_of(name)
    if others:
        return f"{quoted(name)} is a module of {others[0]}; the modules of one scrape are of one protocol"
    return f"{quoted(name)} is not a module{hint(name, sorted({m for p in protocols for m in setup.modules[p]}))}"


def _modules(setup: Setup, protocol: str, names: list[str]) -> tuple[Module, ...]:
    known = setup.modules[protocol]
    for name in names:
        if name not in known:
            raise WrongRequestError(f"{quoted(name)} is not a module{hint(name, sorted(known))}")
    return tuple(known[name] for name in dict.fromkeys(names))


def _credential(setup: Setup, protocol: str, name: str) -> Credential:
    known = setup.credentials[protocol]
    if name not in known:
        raise WrongRequestError(f"{quoted(name)} is not a credential{hint(name, sorted(known))}")
    return known[name]


def _known_keys(query: Query, plugin: Plugin) -> None:
    if "credential" in query or "auth" in query:
        raise RefusedError("a credential is bound to devices and networks; it cannot be chosen by URL here")
    check_params(query, plugin, *_PROBE_KEYS)


def check_params(keys: Iterable[str], plugin: Plugin, *others: str) -> None:
    """Raise `WrongRequestError` for a key that is no parameter of the protocol, and none of the others."""
    known = [*others, *(param.url for param in plugin.params.values() if param.url)]
    for key in keys:
        if key not in known:
            raise WrongRequestError(f"{quoted(key)} is not a parameter{hint(key, known)}")


def _url_params(plugin: Plugin, query: Query) -> dict[str, str]:
    given: dict[str, str] = {}
    for key, param in plugin.params.items():
        if not param.url or not _at_most_one(query, param.url):
            continue
        trouble = param_trouble(param, query[param.url])
        if trouble:
            raise WrongRequestError(f"parameter {quoted(param.url)}: {trouble}")
        given[key] = query[param.url]
    return given


def _one(query: Query, key: str) -> str:
    values = query.getall(key)
    if len(values) != 1 or not values[0]:
        raise WrongRequestError(f"parameter {quoted(key)} must be given once")
    if len(values[0]) > LONGEST_TARGET:
        raise WrongRequestError(f"parameter {quoted(key)} is longer than {LONGEST_TARGET} characters")
    return values[0]


def _at_most_one(query: Query, key: str) -> str:
    values = query.getall(key)
    if len(values) > 1:
        raise WrongRequestError(f"parameter {quoted(key)} must be given once")
    return values[0] if values else ""


def _list(query: Query, key: str) -> list[str]:
    """Read a parameter that is repeated, or a list with commas, or both."""
    return [name for value in query.getall(key) for name in value.split(",") if name]


def _transport(text: str, default: Transport) -> tuple[Transport, str]:
    if text.startswith("udp://"):
        return "udp", text.removeprefix("udp://")
    if text.startswith("tcp://"):
        return "tcp", text.removeprefix("tcp://")
    return default, text


def _host_port(text: str, plugin: Plugin) -> tuple[str, int]:
    try:
        parsed = HostPort.parse(text)
    except ValueError as error:
        raise WrongRequestError(str(error)) from error
    port = parsed.port_or(plugin.default_port)
    if not parsed.host or port == 0:
        raise WrongRequestError(f"{quoted(text)} is not the address of a device")
    return parsed.host, port
