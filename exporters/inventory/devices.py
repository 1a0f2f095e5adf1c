"""The devices that a person listed, by name and by address."""

from collections.abc import Iterable, Mapping

from msgspec import Struct


class Device(Struct, frozen=True, kw_only=True):
    """One device by one protocol, all references checked. Times are seconds; None where nothing was said."""

    name: str
    protocol: str
    host: str
    port: int
    modules: tuple[str, ...]
    credential: str | None = None
    params: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    interval_s: float | None = None
    timeout_s: float | None = None
    min_interval_s: float = 0.0
    paused: bool = False


class Inventory:
    """All devices; looked up by name, or by host and port as a person wrote them."""

    def __init__(self, devices: Iterable[Device] = ()) -> None:
        self.devices = tuple(devices)
        self.hosts = frozenset(device.host.lower() for device in self.devices)
        self._by_name: dict[str, list[Device]] = {}
        self._by_host: dict[tuple[str, str, int], Device] = {}
        for device in self.devices:
            self._by_name.setdefault(device.name, []).append(device)
            self._by_host.setdefault((device.protocol, device.host.lower(), device.port), device)

    def named(self, name: str) -> tuple[Device, ...]:
        """Return the entries of a name: one for each protocol."""
        return tuple(self._by_name.get(name, ()))

    def at(self, protocol: str, host: str, port: int) -> Device | None:
        """Return the device at an address, the first where several share it."""
        return self._by_host.get((protocol, host.lower(), port))

    def names(self) -> list[str]:
        """Return all names, in the order of the file."""
        return list(self._by_name)
