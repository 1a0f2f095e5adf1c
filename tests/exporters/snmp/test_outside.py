"""A listener outside the allowed targets receives not one packet, whatever the URL says.

The listener is real, on UDP and TCP, at an address that the guard does not allow: one of RFC 5737 where this process
may give it to the machine, else 0.0.0.0, which is no device's. Bound credentials are tried at 127.0.0.2, outside their
networks. In the end a request that is allowed arrives, so that a deaf listener would be noticed.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from exporters.inventory import credentials
from exporters.loading import Sources, load_setup
from exporters.probing.collector import CollectorContext
from exporters.probing.deadline import HEADER
from exporters.probing.process import Process
from exporters.probing.resolve import KEPT_S
from exporters.probing.team import Ask
from exporters.snmp import PLUGIN, ber
from heronwatch.telemetry import Telemetry
from tests.fakes.clock import FakeClock
from tests.fakes.exporter import ExporterProcess, exporter, until
from tests.fakes.hostile_agent import ELSEWHERE, LOOPBACK, TABLE, honest, hostile

MODULES = f"""\
auths:
  public_v2: {{community: unbound, version: 2}}
  public_v3:
    {{version: 3, username: unbound, security_level: authPriv, password: longenough, auth_protocol: SHA,
      priv_protocol: AES, priv_password: longenough}}
modules:
  ports:
    walk: [{TABLE}]
    retries: 0
    timeout: 100ms
    metrics: [{{name: ifInOctets, oid: {TABLE}.10, type: counter, indexes: [{{labelname: ifIndex, type: gauge}}]}}]
"""
CONFIG = """\
version: 1
pacing: {spread: 0s, timeouts: 1000}
snmp: {config_files: [snmp.yml]}
credentials:
  lab: {protocol: snmp, community: {file: secret}, networks: [127.0.0.1/32]}
  lab_v3:
    {protocol: snmp, version: 3, username: bound, networks: [127.0.0.1/32], auth_protocol: SHA256,
     auth_password: {file: secret}, priv_protocol: AES, priv_password: {file: secret}}
devices:
  - {name: switch, address: "127.0.0.1:1", module: ports, credential: lab}
"""
SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS = 0x8916, 0x891C, 0x8914  # linux/sockios.h


class Listener:
    """Counts what arrives at one address and port, by datagram and by connection."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.datagrams: list[bytes] = []
        self.connections = 0
        self._loop = asyncio.get_running_loop()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._udp.bind((address, 0))
        self.port = self._udp.getsockname()[1]
        self._tcp.bind((address, self.port))
        self._tcp.listen()
        for opened, heard in ((self._udp, self._datagram), (self._tcp, self._connection)):
            opened.setblocking(False)
            self._loop.add_reader(opened.fileno(), heard)

    @property
    def received(self) -> int:
        """What has arrived in all."""
        return len(self.datagrams) + self.connections

    def _datagram(self) -> None:
        self.datagrams.append(self._udp.recvfrom(65_535)[0])

    def _connection(self) -> None:
        self.connections += 1
        self._tcp.accept()[0].close()

    def close(self) -> None:
        for opened in (self._udp, self._tcp):
            self._loop.remove_reader(opened.fileno())
            opened.close()


def _alias(index: int, request: int, value: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, request, struct.pack("16s16s", f"lo:{index}".encode(), value))


@contextlib.contextmanager
def public_address() -> Iterator[str]:
    """Give the machine an address of RFC 5737 as long as needed; 0.0.0.0 where this process may not."""
    number = os.getpid() % 200 + 20
    address = IPv4Address(f"203.0.113.{number}")
    inet = struct.pack("=HH4s8x", socket.AF_INET, 0, address.packed)
    try:
        _alias(number, SIOCSIFADDR, inet)
    except OSError:
        yield "0.0.0.0"
        return
    try:
        _alias(number, SIOCSIFNETMASK, struct.pack("=HH4s8x", socket.AF_INET, 0, b"\xff" * 4))
        yield str(address)
    finally:
        _alias(number, SIOCSIFFLAGS, struct.pack("=H14x", 0))  # down: the alias is gone


def targets(address: str, port: int) -> list[str]:
    """Return the ways to write an address that somebody might try."""
    octets = IPv4Address(address).packed
    number = int.from_bytes(octets)
    octal = ".".join(f"0{octet:o}" for octet in octets)
    plain = f"{address}:{port}"
    return [
        plain, f"udp://{plain}", f"tcp://{plain}", f"UDP://{plain}", f"udp://udp://{plain}", f"tcp://udp://{plain}",
        f"http://{plain}", f"//{plain}", f"dtls://{plain}",
        f"[::ffff:{address}]:{port}", f"tcp://[::ffff:{address}]:{port}",
        f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]:{port}",
        f"[::{address}]:{port}", f"[64:ff9b::{address}]:{port}", f"[::ffff:{address}%lo]:{port}", f"[{address}]:{port}",
        f"{number}:{port}", f"{number:#x}:{port}", f"{octal}:{port}", f"0x{octets[0]:x}.{number & 0xFFFFFF}:{port}",
        f"{octets[0]}.{octets[1]}.{number & 0xFFFF}:{port}", f"{octets[0]}.{number & 0xFFFFFF}:{port}",
        f"{address}.:{port}", f"user@{plain}", f"user:secret@{plain}", f"127.0.0.1@{plain}",
        f"127.0.0.1:{port}@{plain}",
        f"{plain}@127.0.0.1", f"{plain}#127.0.0.1", f"{plain}/", f"{plain}?x=127.0.0.1", f"{plain}\\127.0.0.1",
        f"{plain},127.0.0.1", f"127.0.0.1,{plain}", f"127.0.0.1 {plain}", f" {plain}", f"{plain} ",
        f"{address} :{port}",
        f"{address}\n:{port}", f"127.0.0.1\n{plain}", f"{address}\0:{port}", f"127.0.0.1\0{plain}", f"\ufeff{plain}",
        plain.translate({ord("0") + digit: ord("\uff10") + digit for digit in range(10)}),
        address.replace(".", "\u3002") + f":{port}", f"switch@{plain}", f"switch:{plain}", f"switch/../{plain}",
    ]  # fmt: skip


def queries(address: str, port: int, *, auths: Sequence[str]) -> list[str]:
    """Return the requests that somebody might try: routes, parameters and encodings."""
    plain = f"{address}:{port}"
    found = [
        f"/snmp?target={quote(target, safe='')}&module=ports&auth={auth}"
        for target in targets(address, port)
        for auth in auths
    ]
    found += [f"/probe?target={quote(target, safe='')}&module=ports" for target in targets(address, port)]
    percent = "".join(f"%{byte:02x}" for byte in plain.encode())
    for more in (f"&auth={auths[0]}", f"&auth={auths[-1]}"):
        found += [
            f"/snmp?target={percent}&module=ports{more}",
            f"/snmp?target={percent.replace('%', '%25')}&module=ports{more}",
            f"/snmp?target=127.0.0.1&target={plain}&module=ports{more}",
            f"/snmp?target={plain}&target=127.0.0.1&module=ports{more}",
            f"/snmp?target[]={plain}&module=ports{more}",
            f"/snmp?target=127.0.0.1;target={plain}&module=ports{more}",
            f"/snmp?target={plain}&module=ports,system,if_mib{more}",
            f"/snmp?target={plain}&module=auto{more}",
            f"/snmp?target={plain}&module=ports&snmp_context=x{more}",
            f"/snmp?target={plain}&module=ports&snmp_engineid=8000000001020304{more}",
            f"/snmp?target={plain}&module=ports&snmp_context={plain}&snmp_engineid=8000000001020304{more}",
            f"/snmp?target={plain}&module=ports&transport=tcp{more}",
            f"/snmp?target={plain}&module=ports&window=8&source={address}{more}",
            f"/snmp?TARGET={plain}&module=ports{more}",
            f"/snmp/?target={plain}&module=ports{more}",
            f"//snmp?target={plain}&module=ports{more}",
            f"/probe?target={plain}&module=ports{more}",
            f"/probe?target={plain}&module=ports&credential=lab{more}",
            f"/probe?target={plain}&module=ports&protocol=snmp",
            f"/probe?target={plain}&module=ports&community=public",
            f"/probe?target=switch&module=ports&address={plain}",
        ]
    return found


async def raw_get(port: int, path: str) -> tuple[int, str]:
    """Ask without a client that would put the URL in order first."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{HEADER}: 1\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


async def ask_all(server: ExporterProcess, asked: Sequence[str]) -> dict[str, tuple[int, str]]:
    few = asyncio.Semaphore(20)

    async def one(query: str) -> tuple[int, str]:
        async with few:
            return await raw_get(server.port, query)

    async with asyncio.TaskGroup() as group:
        tasks = {query: group.create_task(one(query)) for query in asked}
    return {query: task.result() for query, task in tasks.items()}


def write(folder: Path) -> Path:
    (folder / "snmp.yml").write_text(MODULES)
    (folder / "secret").write_text("the bound secret")
    path = folder / "exporters.yml"
    path.write_text(CONFIG)
    return path


def unanswered(answers: dict[str, tuple[int, str]]) -> list[str]:
    """Return the requests that were answered as if a device had been read."""
    return [query for query, (status, body) in answers.items() if status == 200 and "probe_success 0" not in body]


async def test_unbound_credentials_do_not_leave_the_private_networks(tmp_path: Path) -> None:
    path = write(tmp_path)
    with public_address() as address:
        listener = Listener(address)
        asked = queries(address, listener.port, auths=["public_v2", "public_v3"])
        try:
            async with exporter(tmp_path, f"--config.file={path}") as server:
                answers = await ask_all(server, asked)
                assert unanswered(answers) == []
                assert listener.received == 0
                assert sum(status == 403 for status, _ in answers.values()) > 20
                if address != "0.0.0.0":
                    path.write_text(CONFIG.replace("snmp.yml]", f"snmp.yml], allowed_targets: [{address}/32]"))
                    assert (await server.post("/-/reload"))[0] == 200
                    await both_versions_arrive(server, listener, ["public_v2", "public_v3"])
        finally:
            listener.close()


@pytest_asyncio.fixture
async def bound(tmp_path: Path) -> AsyncIterator[ExporterProcess]:
    async with exporter(tmp_path, f"--config.file={write(tmp_path)}") as server:
        yield server


async def test_bound_credentials_do_not_leave_their_networks(bound: ExporterProcess) -> None:
    outside, inside = Listener(ELSEWHERE), Listener(LOOPBACK)
    asked = [
        query
        for query in queries(ELSEWHERE, outside.port, auths=["lab", "lab_v3"])
        if "auth=lab" in query or query.startswith("/probe")
    ]
    try:
        assert unanswered(await ask_all(bound, asked)) == []
        assert outside.received == 0
        await both_versions_arrive(bound, inside, ["lab", "lab_v3"])
        assert b"the bound secret" in inside.datagrams[0]
    finally:
        outside.close()
        inside.close()


async def both_versions_arrive(server: ExporterProcess, listener: Listener, auths: Sequence[str]) -> None:
    """Ask what is allowed, by v2c and by v3: the listener hears it."""
    for number, auth in enumerate(auths, 1):
        url = f"/snmp?target={listener.address}:{listener.port}&module=ports&auth={auth}"
        await server.get(url, headers={HEADER: "1"})
        await until(lambda number=number: len(listener.datagrams) == number, "the request that is allowed")
    assert [version_of(datagram) for datagram in listener.datagrams] == [1, 3]


def version_of(message: bytes) -> int:
    """Return what a message says its version is: 1 for v2c."""
    return ber.read_integer(message, ber.header(message, 0)[0])[0]


class Names:
    """Answers look-ups of names in turn; the last answer stays."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: object, **_: object) -> list[object]:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in answer]


class InProcess:
    """The routes without a web server, and a clock moved by hand; only 127.0.0.1 counts as private."""

    def __init__(self, folder: Path) -> None:
        path = write(folder)
        self.clock = FakeClock()
        telemetry = Telemetry("exporter", "test")
        context = CollectorContext(registry=telemetry.registry)
        sources = Sources(config_files=(str(path),))
        self.process = Process(
            load_setup(sources, [PLUGIN]), lambda *_: load_setup(sources, [PLUGIN]), telemetry, self.clock, context
        )

    async def get(self, target: str) -> tuple[int, str]:
        query = f"target={quote(target)}&module=ports&auth=public_v2"
        response = await self.process.answer(Ask(path="/snmp", query_string=query, budget_s=2.0))
        return response.status, response.body.decode()


@pytest.fixture
async def routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[InProcess]:
    monkeypatch.setattr(credentials, "PRIVATE", (ip_network("127.0.0.1/32"),))
    made = InProcess(tmp_path)
    async with made.process:
        yield made


async def test_a_name_that_moves_between_check_and_use_is_not_followed(
    routes: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names([[LOOPBACK], [ELSEWHERE]])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    listener = Listener(ELSEWHERE)
    try:
        async with hostile(honest) as agent:
            for _ in range(3):
                await routes.get(f"rebinding.example:{listener.port}")
            assert (names.asked, listener.received) == (1, 0)
            routes.clock.advance(KEPT_S + 1)
            status, body = await routes.get(f"rebinding.example:{listener.port}")
            assert (status, names.asked, listener.received, agent.asked) == (403, 2, 0, 0)
            assert body.startswith(f"{ELSEWHERE} is neither private, nor a listed device")
    finally:
        listener.close()


@pytest.mark.parametrize("answer", [[ELSEWHERE, LOOPBACK], [LOOPBACK, ELSEWHERE], [ELSEWHERE]])
async def test_a_name_of_several_addresses_reaches_none_outside(
    routes: InProcess, monkeypatch: pytest.MonkeyPatch, answer: list[str]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names([answer]))
    listener = Listener(ELSEWHERE)
    try:
        for target in (f"several.example:{listener.port}", f"tcp://several.example:{listener.port}"):
            status, _ = await routes.get(target)
            assert status in {403, 500}
        assert listener.received == 0
    finally:
        listener.close()
