"""Blocks under `devices:` → devices, with a fault for every reference that leads nowhere."""

import re
from collections.abc import Iterator, Mapping, Sequence

from exporters.config import ConfigFile, DeviceBlock
from exporters.inventory.credentials import inside
from exporters.inventory.devices import Device
from exporters.probing.collector import Credential, Module, Param, Plugin
from heronwatch.config import Loaded
from heronwatch.faults import Fault
from heronwatch.guards import is_address
from heronwatch.words import hint, listing


class DeviceChecks:
    """Turns the blocks under `devices:` into devices, with a fault for every reference that leads nowhere."""

    def __init__(
        self,
        loaded: Loaded[ConfigFile],
        plugins: Mapping[str, Plugin],
        modules: Mapping[str, Mapping[str, Module]],
        credentials: Mapping[str, Mapping[str, Credential]],
    ) -> None:
        self.faults: list[Fault] = []
        self._loaded = loaded
        self._plugins = plugins
        self._modules = modules
        self._credentials = credentials
        self._seen: dict[tuple[str, str], int] = {}

    def devices(self) -> Iterator[Device]:
        """Yield the devices that are sound."""
        for index, block in enumerate(self._loaded.value.devices):
            before = len(self.faults)
            device = self._device(f"devices[{index}]", block)
            if device is not None:
                self._unique(index, device)
            if device is not None and len(self.faults) == before:
                yield device

    def _device(self, at: str, block: DeviceBlock) -> Device | None:
        protocol = self._protocol(at, block)
        if protocol is None:
            return None
        plugin = self._plugins[protocol]
        modules = block.module_names() or ((plugin.endpoint.default_module,) if plugin.endpoint else ())
        if not modules:
            self._fault(at, f"missing key 'module' (one of {listing(self._modules[protocol])})")
        pacing = self._loaded.value.pacing
        return Device(
            name=block.name,
            protocol=protocol,
            host=block.address.host,
            port=block.address.port_or(plugin.default_port),
            modules=modules,
            credential=self._credential(at, block, plugin),
            params=dict(self._params(at, block, plugin)),
            labels=block.labels,
            interval_s=block.interval,
            timeout_s=block.timeout,
            min_interval_s=block.min_interval if block.min_interval is not None else pacing.min_interval,
            paused=block.paused,
        )

    def _protocol(self, at: str, block: DeviceBlock) -> str | None:
        if block.protocol is not None and block.protocol not in self._plugins:
            self._fault(
                f"{at}.protocol", f"{block.protocol!r} is not a protocol{hint(block.protocol, list(self._plugins))}"
            )
            return None
        candidates = [block.protocol] if block.protocol is not None else list(self._plugins)
        for index, name in enumerate(block.module_names()):
            known = [protocol for protocol in candidates if name in self._modules[protocol]]
            if not known:
                self._unknown_module(at, block, index, name, candidates)
                return None
            candidates = known
        if len(candidates) == 1:
            return candidates[0]
        self._fault(at, f"missing key 'protocol' (one of {listing(candidates)})")
        return None

    def _unknown_module(self, at: str, block: DeviceBlock, index: int, name: str, candidates: Sequence[str]) -> None:
        path = f"{at}.module" if block.module is not None else f"{at}.modules[{index}]"
        others = [p for p, modules in self._modules.items() if name in modules]
        known = sorted({module for protocol in candidates for module in self._modules[protocol]})
        if others:
            self._fault(path, f"{name!r} is a module of {others[0]}, not of {listing(candidates)}")
        else:
            self._fault(path, f"{name!r} is not a module{hint(name, known)}")

    def _credential(self, at: str, block: DeviceBlock, plugin: Plugin) -> str | None:
        known = self._credentials[plugin.protocol]
        name, path = block.credential, f"{at}.credential"
        if name is None:
            return self._default_credential(at, plugin)
        if name not in known:
            self._fault(path, f"{name!r} is not a credential of {plugin.protocol}{hint(name, list(known))}")
            return None
        credential = known[name]
        host = block.address.host
        if credential.networks and is_address(host) and not inside(host, credential.networks):
            networks = ", ".join(map(str, credential.networks))
            self._fault(path, f"{name!r} is bound to {networks}, and {host} is outside")
        return name

    def _default_credential(self, at: str, plugin: Plugin) -> str | None:
        known = self._credentials[plugin.protocol]
        default = plugin.endpoint.default_credential if plugin.endpoint else None
        if default in known:
            return default
        if plugin.credential_type is not None or plugin.endpoint is not None:
            choice = (
                f"one of {listing(known)}" if known else f"{plugin.protocol} needs one; define it under credentials:"
            )
            self._fault(at, f"missing key 'credential' ({choice})")
        return None

    def _params(self, at: str, block: DeviceBlock, plugin: Plugin) -> Iterator[tuple[str, str]]:
        owners = {key: p.protocol for p in self._plugins.values() for key in p.params}
        for key, owner in owners.items():
            value = getattr(block, key)
            param = plugin.params.get(key)
            if value is None:
                continue
            if param is None:
                self._fault(f"{at}.{key}", f"a key of {owner}, but this device speaks {plugin.protocol}")
            elif trouble := param_trouble(param, str(value)):
                self._fault(f"{at}.{key}", trouble)
            else:
                yield key, str(value)

    def _unique(self, index: int, device: Device) -> None:
        first = self._seen.setdefault((device.protocol, device.name), index)
        if first != index:
            message = f"{device.name!r} is already the {device.protocol} device devices[{first}]"
            self._fault(f"devices[{index}].name", message)

    def _fault(self, path: str, message: str) -> None:
        self.faults.append(self._loaded.fault(path, message))


def param_trouble(param: Param, value: str) -> str:
    """Say what is wrong with a parameter's value, '' when nothing is."""
    if re.fullmatch(param.pattern, value):
        return ""
    return f"{value!r} is not valid here ({param.help})"
