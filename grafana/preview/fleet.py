"""The invented fleet behind the pictures and the dashboards' tests: devices, ports, and what happens to them. Pure.

Times are offsets in seconds before the end of the shown time.
"""

from dataclasses import dataclass
from typing import Final

MINUTE: Final = 60


@dataclass(frozen=True, kw_only=True)
class Port:
    """One interface; `mean` is its usual inbound traffic in bytes per second."""

    index: int
    name: str
    alias: str
    megabits: int
    mean: float
    watched: bool = False  # the detector scores it
    damaged: float = 0.0  # share of received frames
    plugged: bool = True


@dataclass(frozen=True, kw_only=True)
class Device:
    """One device; `down` is the time it did not answer, as (from, to) before the end."""

    name: str
    job: str
    site: str
    about: str
    vendor: str = ""
    ports: tuple[Port, ...] = ()
    ups: bool = False
    strip: bool = False
    down: tuple[int, int] | None = None

    @property
    def labels(self) -> dict[str, str]:
        """The target labels of this device."""
        return {"instance": self.name, "job": self.job, "site": self.site}


DRIFT: Final = (45 * MINUTE, 0)
"""When the traffic of the drifting uplink left its band."""
DRIFTING: Final = ("core-1", "Ethernet1/1")
DRIFT_FACTOR: Final = 2.2
SERVER: Final = {"instance": "web-1:9100"}
"""What the detector scores beside the fleet: `avg by (instance)` of a node_exporter leaves neither job nor site."""
BATTERY: Final = (7 * MINUTE, 0)
"""When the UPS of the drifting site lost its input."""
ON_BATTERY: Final = "ups-hq"
WITHOUT_SUPPLY: Final = ("core-2", "Power supply 2")
SUPPLY_FAILED: Final = (100 * MINUTE, 0)
"""When one of two power supplies of a core switch died."""
READ_IN_PART: Final = "plant-sw1"
ENTERPRISES: Final = {"Cisco": 9, "Arista": 30065, "Juniper": 2636, "Huawei": 2011, "HPE": 11, "Eaton": 534, "APC": 318}
"""IANA's enterprise numbers of the fleet's vendors."""
PARTNER_DOWN: Final = (170 * MINUTE, 131 * MINUTE)


def _switch(
    name: str, site: str, about: str, ports: tuple[Port, ...], *, vendor: str, down: tuple[int, int] | None = None
) -> Device:
    return Device(name=name, job="snmp", site=site, about=about, vendor=vendor, ports=ports, down=down)


def _core(mean: float) -> tuple[Port, ...]:
    uplink = Port(index=1, name="Ethernet1/1", alias="Uplink to provider", megabits=1000, mean=mean, watched=True)
    trunks = [
        Port(index=i, name=f"Ethernet1/{i}", alias=f"Trunk to access-{i - 1}", megabits=10_000, mean=mean * 0.45 / i)
        for i in range(2, 5)
    ]
    spare = Port(index=5, name="Ethernet1/5", alias="spare", megabits=10_000, mean=0, plugged=False)
    return (uplink, *trunks, spare)


def _access(mean: float, damaged: float = 0.0) -> tuple[Port, ...]:
    uplink = Port(index=1, name="Gi0/1", alias="Uplink to core", megabits=1000, mean=mean, watched=True)
    desks = [
        Port(
            index=i,
            name=f"Gi0/{i}",
            alias=f"Desk {i}",
            megabits=1000,
            mean=mean / (2 * i),
            damaged=damaged if i == 2 else 0.0,
        )
        for i in range(2, 5)
    ]
    return (uplink, *desks)


FLEET: Final = (
    _switch("core-1", "headquarters", "Core switch, 48 x 10 Gbit/s", _core(38e6), vendor="Arista"),
    _switch("core-2", "headquarters", "Core switch, 48 x 10 Gbit/s", _core(26e6), vendor="Arista"),
    _switch("access-1", "headquarters", "Access switch, 24 x 1 Gbit/s", _access(21e6), vendor="Cisco"),
    _switch("access-2", "headquarters", "Access switch, 24 x 1 Gbit/s", _access(12e6, damaged=0.021), vendor="Cisco"),
    _switch("access-3", "headquarters", "Access switch, 24 x 1 Gbit/s", _access(7e6), vendor="HPE"),
    _switch("plant-sw1", "plant", "Industrial switch, 8 x 1 Gbit/s", _access(4e6), vendor="Huawei"),
    _switch("branch-rt1", "branch", "Branch router", _access(3e6), vendor="Juniper", down=PARTNER_DOWN),
    Device(name=ON_BATTERY, job="snmp", site="headquarters", about="UPS 10 kVA", vendor="Eaton", ups=True),
    Device(name="ups-plant", job="snmp", site="plant", about="UPS 6 kVA", vendor="APC", ups=True),
    Device(name="pdu-hq-a", job="snmp", site="headquarters", about="Outlet strip, 16 A", vendor="APC", strip=True),
    Device(name="pdu-hq-b", job="snmp", site="headquarters", about="Outlet strip, 16 A", vendor="APC", strip=True),
    Device(name="meter-7", job="modbus", site="plant", about="Energy meter"),
    Device(name="meter-8", job="modbus", site="plant", about="Energy meter"),
    Device(name="files-1", job="ssh", site="headquarters", about="File server"),
)
