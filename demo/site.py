"""What the demo's site consists of: its devices, its ports, its people and its random passwords."""

import secrets
import socket
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from demo.supervisor import free_port

SITE = "demo"
RECORDINGS = "snmpsim_data"  # the package that carries recordings of real devices
MODBUS_MODULE = "eastron_sdm630"


@dataclass(frozen=True, kw_only=True)
class SnmpDevice:
    """A simulated SNMP device: a recording of a real one, answering on a UDP port of its own.

    `moving` is how many of its interfaces carry traffic that moves.
    """

    name: str
    recording: str
    modules: tuple[str, ...]
    about: str
    moving: int = 0
    port: int = field(default_factory=lambda: free_port(socket.SOCK_DGRAM))

    def recording_path(self) -> Path:
        """Return the recording's file inside the package of recordings."""
        return Path(str(files(RECORDINGS))) / "data" / self.recording


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who is paged."""

    name: str
    phone: str
    mail: str


CORE_SWITCH = "core-sw1"
UPS = "ups-1"
REAL_AGENT = "linux-1"
METER = "meter-1"
SSH_HOST = "host-1"
FIRST = Person(name="ana", phone="+34600000001", mail="ana@example.org")
SECOND = Person(name="ben", phone="+34600000002", mail="ben@example.org")


def snmp_devices() -> tuple[SnmpDevice, ...]:
    """Return the simulated SNMP devices: recordings of eight vendors' equipment."""
    cisco = ("system", "if_mib", "cisco")
    return (
        SnmpDevice(
            name=CORE_SWITCH,
            recording="network/switch/cisco-n5000-uk9.snmprec.bz2",
            modules=cisco,
            about="Cisco Nexus 5000, recorded",
            moving=4,
        ),
        SnmpDevice(
            name="access-sw1",
            recording="network/switch/cisco-c3560.snmprec.bz2",
            modules=cisco,
            about="Cisco Catalyst 3560, recorded",
            moving=3,
        ),
        SnmpDevice(
            name="edge-rt1",
            recording="network/router/juniper-mx960-12-3r6-6.snmprec.bz2",
            modules=("system", "if_mib", "juniper", "hrStorage"),
            about="Juniper MX960, recorded",
            moving=1,
        ),
        SnmpDevice(
            name="leaf-sw1",
            recording="cloud/arista-dcs-7150s-52-cl.snmprec.bz2",
            modules=("system", "if_mib", "entity_sensor", "hrStorage", "hrDevice"),
            about="Arista 7150S, recorded",
            moving=1,
        ),
        SnmpDevice(
            name="blade-sw1",
            recording="network/switch/hpe-procurve-516733-b21.snmprec.bz2",
            modules=("system", "if_mib", "hpe_procurve"),
            about="HPE ProCurve 6120XG, recorded",
            moving=1,
        ),
        SnmpDevice(
            name="dist-sw1",
            recording="network/router/huawei-s5720.snmprec.bz2",
            modules=("system", "if_mib", "huawei"),
            about="Huawei S5720, recorded",
            moving=1,
        ),
        SnmpDevice(
            name="fw-1",
            recording="network/firewall/paloalto-pa-5000.snmprec.bz2",
            modules=("system", "if_mib", "paloalto", "entity_sensor", "hrStorage", "hrDevice"),
            about="Palo Alto Networks PA-5000, recorded",
            moving=1,
        ),
        SnmpDevice(
            name=UPS,
            recording="UPS/eaton-93e-80.snmprec.bz2",
            modules=("system", "ups_mib"),
            about="Eaton 93E UPS, recorded",
        ),
        SnmpDevice(
            name="pdu-1",
            recording="UPS/apc-8641.snmprec",
            modules=("system", "apc_pdu"),
            about="APC AP8641 outlet strip, recorded",
        ),
    )


def _password() -> str:
    return secrets.token_urlsafe(18)


@dataclass(frozen=True, kw_only=True)
class Site:
    """One run of the demo: where its files are, which ports it uses, and its passwords."""

    folder: Path
    devices: tuple[SnmpDevice, ...] = field(default_factory=snmp_devices)
    modbus_port: int = field(default_factory=free_port)
    ssh_port: int = field(default_factory=free_port)
    snmpd_port: int = field(default_factory=lambda: free_port(socket.SOCK_DGRAM))
    exporter_port: int = field(default_factory=free_port)
    detector_port: int = field(default_factory=free_port)
    webhook_port: int = field(default_factory=free_port)
    public_port: int = field(default_factory=free_port)
    prometheus_port: int = field(default_factory=free_port)
    alertmanager_port: int = field(default_factory=free_port)
    grafana_port: int = field(default_factory=free_port)
    mail_port: int = field(default_factory=free_port)
    sms_port: int = field(default_factory=free_port)
    community: str = field(default_factory=_password, repr=False)
    intake_token: str = field(default_factory=_password, repr=False)
    sms_token: str = field(default_factory=_password, repr=False)
    user_password: str = field(default_factory=_password, repr=False)
    grafana_password: str = field(default_factory=_password, repr=False)
    sms_account: str = "AC" + "0" * 32

    def url(self, port: int) -> str:
        """Return the address of a port of this site."""
        return f"http://127.0.0.1:{port}"

    def live_file(self, device: str) -> Path:
        """Return the file that a simulator reads its moving values from."""
        return self.folder / f"{device}.live.json"

    def write_secret(self, name: str, value: str) -> Path:
        """Write a secret to a file only its owner can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(value + "\n")
        return path
