"""Two other SNMP libraries read the same agents: every OID and every value is what we read.

pysnmp shows types and octets, so its walk is compared byte by byte; gufo-snmp (Rust) shows plain values, so those are
compared. Agents are our own simulator with recordings of real devices, and net-snmp's daemon.
"""

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from gufo.snmp.aio import SnmpSession
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type.univ import Integer
from pysnmp.proto import api

from exporters.snmp import ber, oid
from exporters.snmp.ber import Element, Kind, Request, unpacked
from exporters.snmp.conversation import Attempts
from exporters.snmp.decoding.values import number, text
from exporters.snmp.fetched import Fetched
from exporters.snmp.pace import Pace
from exporters.snmp.security import Community
from exporters.snmp.session import Session
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent
from exporters.snmp.simulator.command import Simulator
from exporters.snmp.transport import Endpoint
from exporters.snmp.walk import subtree
from tests.fakes.daemons import Daemon, snmpd

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # pysnmp 7.1.30 calls pysmi by its old names
    from pysnmp.hlapi.v1arch.asyncio import (
        CommunityData,
        ObjectIdentity,
        ObjectType,
        SnmpDispatcher,
        UdpTransportTarget,
        bulk_walk_cmd,
    )

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated. Please use:DeprecationWarning")  # pysnmp and pysmi
ROOT = "1.3.6.1"
SECURITY = Community(ber.V2C, "public")
V2 = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
Place = tuple[str, int]
Walked = dict[str, Element]

SMALL = [
    "UPS/eaton-93e-80", "UPS/ingrasys-power-switch", "UPS/vertiv-power", "camera/hikvision",
    "camera/semac-ipcam-500", "iot/geist-temperature-sensor", "network/appliance/network-research-squid",
    "network/firewall/clavister-amaranten", "network/switch/cts-media-converter", "network/wifi/aruba-7020",
    "network/wifi/ubiquiti-m5", "unclassified/02",
]  # fmt: skip
"""Whole recordings, 50 to 1225 values each; every type there is but Null."""

LARGE = [
    "UPS/apc-7902b", "UPS/phoenixtec-power", "bmc/hp-onboard-administrator", "camera/samsung-ipolis",
    "network/appliance/huawei-ism", "network/firewall/paloalto-pa-5000", "network/router/brocade-unknown-001",
    "network/router/cisco-unmarked-0", "network/switch/dlink-des3038", "network/switch/maipu-sm4200-16gef8ge-ac",
    "network/switch/metel-poe-box", "os/linux/netmanage", "os/linux/unknown-003", "os/windows/server-2003-5-2",
    "storage/isilon-onefs", "network/switch/brocade-icx6430-24", "network/switch/cisco-n5000-uk9",
    "cloud/arista-dcs-7150s-52-cl", "network/switch/hpe-procurve-516733-b21", "network/router/huawei-s5720",
]  # fmt: skip


def recorded(name: str) -> recording.Recording:
    """Load a recording of the package snmpsim-data."""
    spec = find_spec("snmpsim_data")
    assert spec is not None
    assert spec.submodule_search_locations
    (path,) = (Path(spec.submodule_search_locations[0]) / "data").glob(f"{name}.snmprec*")
    return recording.load(path)


def below_root(name: str) -> list[str]:
    """Return the OIDs of a recording that a walk of ROOT must find, in order."""
    return [shown for shown in map(oid.text, recorded(name).names) if shown.startswith(f"{ROOT}.")]


@contextlib.asynccontextmanager
async def simulated(name: str) -> AsyncIterator[Place]:
    """Serve a recording; its clock stands still, so that all read the same uptime."""
    simulator = Simulator(Agent(recorded(name), started_at=1.0), now=lambda: 1.0)
    try:
        yield simulator.address
    finally:
        simulator.close()


async def ours(place: Place, root: str = ROOT, *, repetitions: int = 25) -> Walked:
    """Walk with our own codec, session and steps."""
    session = Session(Endpoint(*place), request_id=lambda: 7)
    attempts = Attempts(2.0, 3, asyncio.get_running_loop().time() + 50)
    fetched = Fetched(table={})
    steps = subtree(oid.encode(root), fetched, version=ber.V2C, pace=Pace(repetitions))
    try:
        request = next(steps)
        while True:
            request = steps.send(await session.ask(request, SECURITY, attempts))
    except StopIteration:
        return {oid.text(name): element for name, element in fetched.table.items()}
    finally:
        session.close()


async def pysnmps(place: Place, root: str = ROOT) -> Walked:
    """Walk with pysnmp's GetBulk, and encode what it read once more."""
    found: Walked = {}
    dispatcher = SnmpDispatcher()
    target = await UdpTransportTarget.create(place, timeout=5, retries=3)
    walk = bulk_walk_cmd(
        dispatcher, CommunityData("public", mpModel=1), target, 0, 25, ObjectType(ObjectIdentity(root)),
        lookupMib=False, lexicographicMode=False,
    )  # fmt: skip
    try:
        async for failed, status, _, varbinds in walk:
            assert not failed, failed
            assert not status, status
            found |= {str(name): encoded(value) for name, value in varbinds if not _is_exception(value)}
    finally:
        dispatcher.close()
    return found


def encoded(value: Any) -> Element:
    """Return a value of pysnmp as bytes; its encoder does not write every integer in the fewest."""
    content = bytes(encoder.encode(value))
    return ber.integer(int(value), content[0]) if isinstance(value, Integer) else content


def _is_exception(value: Any) -> bool:
    return isinstance(value, V2.NoSuchObject | V2.NoSuchInstance | V2.EndOfMibView)


async def gufos(place: Place, root: str = ROOT) -> dict[str, Any]:
    """Walk with gufo-snmp's GetBulk; its values have no types beyond Python's."""
    async with SnmpSession(addr=place[0], port=place[1], community="public", timeout=5) as session:
        return {name: value async for name, value in session.getbulk(root)}


def plain(element: Element) -> Any:
    """Return our value as gufo-snmp shows it."""
    tag, content = unpacked(element)
    if tag == ber.IP_ADDRESS:
        return str(IPv4Address(content))
    if tag == ber.OBJECT_IDENTIFIER:
        return text((tag, content), "")
    return content if tag in {ber.OCTET_STRING, ber.OPAQUE} else number(tag, content, wrap=0)


def plainly(walked: Walked) -> dict[str, Any]:
    """Return what gufo-snmp finds on a walk: it leaves out values of type Null."""
    return {name: plain(element) for name, element in walked.items() if element[0] != ber.NULL}


@pytest.mark.parametrize("name", SMALL)
async def test_other_libraries_read_what_we_read(name: str) -> None:
    async with simulated(name) as place:
        found = await ours(place)
        assert list(found) == below_root(name)
        assert await pysnmps(place) == found
        assert await gufos(place) == plainly(found)


@pytest.mark.parametrize("repetitions", [1, 7, 60])
async def test_how_many_rows_are_asked_for_changes_nothing(repetitions: int) -> None:
    async with simulated("network/wifi/ubiquiti-m5") as place:
        assert await ours(place, repetitions=repetitions) == await pysnmps(place)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", LARGE)
async def test_other_libraries_read_large_devices_as_we_do(name: str) -> None:
    async with simulated(name) as place:
        found = await ours(place)
        assert list(found) == below_root(name)
        assert await pysnmps(place) == found
        assert await gufos(place) == plainly(found)


TYPED = ".1.3.6.1.4.1.8072.9999.9999"
EVERY_TYPE = f"""
override {TYPED}.1.0 integer -2147483648
override {TYPED}.2.0 uinteger 4294967295
override {TYPED}.3.0 counter 4294967295
override {TYPED}.4.0 timeticks 4294967295
override {TYPED}.6.0 object_id .1.3.6.1.4.1.4294967295.128.0
override {TYPED}.7.0 octet_str "text of a device"
override {TYPED}.8.0 octet_str ""
override {TYPED}.9.0 integer 0
override {TYPED}.200.0 integer 128
override {TYPED}.16384.4294967295 integer -129
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with snmpd(tmp_path_factory.mktemp("snmpd"), extra=EVERY_TYPE) as running:
        yield running


async def test_values_of_every_type_from_net_snmp(daemon: Daemon) -> None:
    place, root = (daemon.host, daemon.port), TYPED.removeprefix(".")
    found = await ours(place, root)
    assert {name.removeprefix(f"{root}."): (unpacked(value)[0], plain(value)) for name, value in found.items()} == {
        "1.0": (ber.INTEGER, -(2**31)),
        "2.0": (ber.GAUGE32, 2**32 - 1),
        "3.0": (ber.COUNTER32, 2**32 - 1),
        "4.0": (ber.TIME_TICKS, 2**32 - 1),
        "6.0": (ber.OBJECT_IDENTIFIER, "1.3.6.1.4.1.4294967295.128.0"),
        "7.0": (ber.OCTET_STRING, b"text of a device"),
        "8.0": (ber.OCTET_STRING, b""),
        "9.0": (ber.INTEGER, 0),
        "200.0": (ber.INTEGER, 128),
        "16384.4294967295": (ber.INTEGER, -129),
    }
    assert await pysnmps(place, root) == found
    assert await gufos(place, root) == plainly(found)


STILL = ["1.3.6.1.2.1.1", "1.3.6.1.2.1.2.2", "1.3.6.1.2.1.4.20", "1.3.6.1.2.1.31", "1.3.6.1.6.3", "1.3.6.1.4.1.2021.9"]


@pytest.mark.parametrize("root", STILL)
async def test_other_libraries_read_net_snmp_as_we_do(daemon: Daemon, root: str) -> None:
    place = daemon.host, daemon.port
    before = await ours(place, root)
    theirs, plain_theirs = await pysnmps(place, root), await gufos(place, root)
    after = await ours(place, root)
    assert list(before) == list(theirs) == list(plain_theirs) == list(after)
    still = [name for name in before if before[name] == after[name]]  # the others moved meanwhile
    assert [name for name in still if theirs[name] != before[name]] == []
    assert [name for name in still if plain_theirs[name] != plain(before[name])] == []
    assert len(still) >= len(before) // 2


@pytest.mark.parametrize("name", ["UPS/eaton-93e-80", "camera/semac-ipcam-500", "iot/geist-temperature-sensor"])
def test_pysnmp_decodes_the_bytes_of_our_agent(name: str) -> None:
    """Every packet of a walk by our simulator, read by pyasn1 against pysnmp's definition of a message."""
    agent = Agent(recorded(name), started_at=0.0)
    at, seen = oid.encode(ROOT), 0
    while True:
        response = agent.answer(_wrapped(at), 0.0)
        assert response is not None
        message, rest = decoder.decode(response, asn1Spec=V2.Message())
        assert not rest
        pdu = V2.apiMessage.get_pdu(message)
        reply = ber.decode_response(*SECURITY.unwrap(response), len(response))
        theirs = [(str(key), encoded(value)) for key, value in V2.apiPDU.get_varbinds(pdu)]
        assert (reply.request_id, reply.status) == (V2.apiPDU.get_request_id(pdu), V2.apiPDU.get_error_status(pdu))
        assert [(oid.text(key), value) for key, value in zip(reply.names, reply.elements, strict=True)] == theirs
        if reply.exceptional:
            break
        seen += len(theirs)
        at = reply.names[-1]
    assert seen >= 40


def _wrapped(at: bytes) -> bytes:
    return SECURITY.wrap(ber.encode_request(Request(Kind.GET_BULK, (at,), 20), 99), 99)
