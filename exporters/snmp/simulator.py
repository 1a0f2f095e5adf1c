"""A fast SNMP agent on real sockets: `heronwatch exporter simulate snmp`, tests, benchmarks and the demo."""

import argparse
import asyncio
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from exporters.probing.collector import Contract, Credential, Module, SimulatedDevice, Target
from exporters.snmp import live, recording
from exporters.snmp.agent import PERMITTED, Agent
from exporters.snmp.ber import Kind
from exporters.snmp.catalogue import builtin_modules
from exporters.snmp.credential import PUBLIC
from heronwatch.values import HostPort

MOST_AT_ONCE = 128
BUFFER_BYTES = 4 * 1024 * 1024
LIVE_CHECK_S = 0.5
SIMULATED_PORT = 1161


class Trouble(Struct, frozen=True):
    """What the way to the device does: each answer late by `delay_s`, and a share of the requests lost."""

    delay_s: float = 0.0
    loss: float = 0.0


NO_TROUBLE = Trouble()


class Simulator:
    """An agent on a UDP port of this machine, port 0 for a free one. Start it inside a running loop."""

    def __init__(
        self,
        agent: Agent,
        listen: tuple[str, int] = ("127.0.0.1", 0),
        *,
        trouble: Trouble = NO_TROUBLE,
        now: Callable[[], float] = time.time,
        chance: Callable[[], float] | None = None,
    ) -> None:
        self.agent = agent
        self.trouble = trouble
        self.sources: set[tuple[str, int]] = set()
        self._now = now
        self._chance = chance or random.Random(0).random  # noqa: S311  # lost packets need no secrecy
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET6 if ":" in listen[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.bind(listen)
        self._loop.add_reader(self._socket.fileno(), self._readable)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    def close(self) -> None:
        """Stop answering."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                datagram, source = self._socket.recvfrom(65_535)
            except OSError:  # nothing more to read, or a client that has gone
                return
            self.sources.add(source[:2])
            if self.trouble.loss and self._chance() < self.trouble.loss:
                continue
            answer = self.agent.answer(datagram, self._now())
            if answer is not None:
                self._reply(answer, source)

    def _reply(self, answer: bytes, source: tuple[object, ...]) -> None:
        if self.trouble.delay_s:
            self._loop.call_later(self.trouble.delay_s, self._send, answer, source)
        else:
            self._send(answer, source)

    def _send(self, answer: bytes, source: tuple[object, ...]) -> None:
        if self._socket.fileno() >= 0:
            try:
                self._socket.sendto(answer, source)
            except OSError:  # the client has gone, or its buffer is full: a lost packet
                return


class LiveFile:
    """A file of moving series, read again whenever it changes."""

    def __init__(self, path: Path, agent: Agent) -> None:
        self._path = path
        self._agent = agent
        self._seen: tuple[float, int] | None = None

    def check(self) -> None:
        """Read the file if it is new; one that is half written or wrong is left for the next time."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime, status.st_size)
            if seen == self._seen:
                return
            self._agent.set_live(live.parse(self._path.read_text()))
            self._seen = seen
        except (OSError, ValueError):
            return


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `heronwatch exporter simulate snmp`."""
    parser.add_argument(
        "--recording", type=Path, action="append", required=True, metavar="FILE",
        help=".snmprec or .snmprec.bz2; once for all agents, or once for each --listen",
    )  # fmt: skip
    parser.add_argument(
        "--listen", type=HostPort.parse, action="append", metavar="HOST:PORT",
        help="UDP address of an agent, repeatable (default 127.0.0.1:1161)",
    )  # fmt: skip
    parser.add_argument(
        "--live", type=Path, action="append", default=[], metavar="FILE",
        help="JSON file of moving values, re-read when it changes; once, or once for each --listen",
    )  # fmt: skip
    parser.add_argument("--community", default="public", help="the community it answers to (default public)")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="answer so much later")
    parser.add_argument("--loss", type=float, default=0.0, metavar="SHARE", help="lose this share of the requests")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; 2 for arguments that do not fit together."""
    listens = arguments.listen or [HostPort.parse(f"127.0.0.1:{SIMULATED_PORT}")]
    for name, given in (("recording", arguments.recording), ("live", arguments.live)):
        if len(given) not in {0, 1, len(listens)}:
            print(f"--{name}: give one, or one for each --listen")  # noqa: T201  a command's message
            return 2
    return asyncio.run(_serve(arguments, listens))


async def _serve(arguments: argparse.Namespace, listens: Sequence[HostPort]) -> int:
    started_at = time.time()
    trouble = Trouble(arguments.delay, arguments.loss)
    files: list[LiveFile] = []
    simulators = []
    loaded: dict[Path, recording.Recording] = {}
    for number, listen in enumerate(listens):
        path = _of(arguments.recording, number)
        moving = _of(arguments.live, number) if arguments.live else None
        if path not in loaded or moving is not None:  # moving values are put into the recording
            loaded[path] = recording.load(path)
        agent = Agent(loaded[path], community=arguments.community, started_at=started_at)
        if moving is not None:
            files.append(LiveFile(moving, agent))
        simulators.append(Simulator(agent, _place(listen), trouble=trouble))
    for simulator in simulators:
        print("listening on {}:{}".format(*simulator.address), flush=True)  # noqa: T201  the contract of simulators
    await _until_stopped(files)
    for simulator in simulators:
        simulator.close()
    return 0


def _place(listen: HostPort) -> tuple[str, int]:
    return listen.host, SIMULATED_PORT if listen.port is None else listen.port


def _of(given: Sequence[Path], number: int) -> Path:
    return given[number] if len(given) > 1 else given[0]


async def _until_stopped(files: Sequence[LiveFile]) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    while not stopped.is_set():
        for file in files:
            file.check()
        try:
            await asyncio.wait_for(stopped.wait(), LIVE_CHECK_S if files else None)
        except TimeoutError:
            continue


class _Device:
    """A running simulator as the contract suite sees it."""

    def __init__(self, target: Target, simulator: Simulator) -> None:
        self.target = target
        self.simulator = simulator

    def sessions(self) -> int:
        """Count the source ports seen so far."""
        return len(self.simulator.sources)

    def operations(self) -> Sequence[str]:
        """Name the PDUs received, in order."""
        return [_NAMES.get(tag, f"PDU 0x{tag:02x}") for tag in self.simulator.agent.noted]

    def forbidden(self) -> Sequence[str]:
        """Name those that change something, or that nothing here may send."""
        return [f"PDU 0x{tag:02x}" for tag in self.simulator.agent.noted if tag not in PERMITTED]


_NAMES: Mapping[int, str] = {Kind.GET: "Get", Kind.GET_NEXT: "GetNext", Kind.GET_BULK: "GetBulk"}

_SMALL_SWITCH = """\
1.3.6.1.2.1.1.1.0|4|a switch of two ports
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10
1.3.6.1.2.1.1.3.0|67|4711
1.3.6.1.2.1.1.5.0|4|switch-1
1.3.6.1.2.1.2.2.1.1.1|2|1
1.3.6.1.2.1.2.2.1.1.2|2|2
1.3.6.1.2.1.2.2.1.2.1|4|port 1
1.3.6.1.2.1.2.2.1.2.2|4|port 2
1.3.6.1.2.1.2.2.1.8.1|2|1
1.3.6.1.2.1.2.2.1.8.2|2|2
1.3.6.1.2.1.2.2.1.10.1|65|1234567
1.3.6.1.2.1.2.2.1.10.2|65|0
1.3.6.1.2.1.31.1.1.1.1.1|4|1/1
1.3.6.1.2.1.31.1.1.1.1.2|4|1/2
1.3.6.1.2.1.31.1.1.1.6.1|70|12345678901
1.3.6.1.2.1.31.1.1.1.6.2|70|0
"""


def contract() -> Contract:
    """Return what the contract suite of collectors needs."""
    return Contract(transport="udp", modules=_contract_modules, target=_contract_target, device=_contract_device)


def _contract_modules() -> Sequence[Module]:
    shipped = builtin_modules()
    return [shipped["system"], shipped["if_mib"]]


def _contract_target(address: str, port: int) -> Target:
    credential = Credential(name="public_v2", value=PUBLIC, bound=False)
    return Target(name="simulated", address=address, port=port, credential=credential)


@asynccontextmanager
async def _contract_device() -> AsyncIterator[SimulatedDevice]:
    agent = Agent(recording.parse(_SMALL_SWITCH.splitlines()), started_at=time.time())
    simulator = Simulator(agent)
    try:
        yield _Device(_contract_target(*simulator.address), simulator)
    finally:
        simulator.close()
