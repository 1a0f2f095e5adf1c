"""`heronwatch exporter simulate snmp`: SNMP agents on real sockets, for tests, benchmarks and the demo."""

import argparse
import asyncio
import contextlib
import random
import secrets
import selectors
import signal
import sys
import time
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec
from msgspec import Struct

from exporters.snmp import ber
from exporters.snmp.simulator import live, recording
from exporters.snmp.simulator.agent import MOST_REPLY_BYTES, Agent, Tally
from exporters.snmp.simulator.contract import contract
from exporters.snmp.simulator.load import Place, serve
from exporters.snmp.simulator.simulated import NetworkPort, Port, Simulator, TcpSimulator, UdpPort
from exporters.snmp.simulator.trouble import NO_TROUBLE, Trouble
from exporters.snmp.usm.keys import SHORTEST_PASSWORD, AuthProtocol, PrivProtocol
from heronwatch.secrets import Secret
from heronwatch.values import HostPort

if TYPE_CHECKING:  # what needs no v3 needs no cryptography
    from exporters.snmp.simulator.engine import AgentEngine

__all__ = ["LiveFile", "Simulator", "TcpSimulator", "Trouble", "add_arguments", "contract", "run"]

LIVE_CHECK_S = 0.5
SIMULATED_PORT = 1161


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


class Network(Struct, frozen=True):
    """Every address of a network, at one port.

    >>> Network.parse("127.20.0.0/16:1161")
    Network(addresses=IPv4Network('127.20.0.0/16'), port=1161)
    """

    addresses: IPv4Network
    port: int

    @classmethod
    def parse(cls, text: str) -> "Network":
        """Read `CIDR:PORT`; raises ValueError."""
        addresses, colon, port = text.rpartition(":")
        if not colon or not port.isdecimal():
            raise ValueError(f"{text!r} is no CIDR:PORT, such as 127.20.0.0/16:1161")
        return cls(IPv4Network(addresses), int(port))


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
        "--network", type=Network.parse, metavar="CIDR:PORT",
        help="one agent at every address of a network, such as 127.20.0.0/16:1161, in place of --listen",
    )  # fmt: skip
    parser.add_argument("--tcp", action="store_true", help="listen at the same addresses over TCP, too")
    parser.add_argument(
        "--live", type=Path, action="append", default=[], metavar="FILE",
        help="JSON file of moving values, re-read when it changes; once, or once for each --listen",
    )  # fmt: skip
    parser.add_argument("--community", default="public", help="the community it answers to (default public)")
    parser.add_argument("--v1", action="store_true", help="answer to v1 alone")
    parser.add_argument(
        "--still", action="store_true", help="let sysUpTime stand still, so that every walk finds the same values"
    )
    parser.add_argument(
        "--max-reply", type=int, default=MOST_REPLY_BYTES, metavar="BYTES",
        help=f"longest response (default {MOST_REPLY_BYTES})",
    )  # fmt: skip
    parser.add_argument(
        "--processes", type=int, metavar="N",
        help="be a fast target for load, with so many processes; without --tcp, --live and trouble",
    )  # fmt: skip
    _add_trouble(parser.add_argument_group("trouble"))
    _add_user(parser.add_argument_group("SNMPv3"))


def _add_trouble(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="answer so much later")
    group.add_argument("--loss", type=float, default=0.0, metavar="SHARE", help="lose this share of the requests")
    group.add_argument(
        "--service", type=float, default=0.0, metavar="SECONDS", help="answer one request at a time, each in so long"
    )
    group.add_argument(
        "--queue", type=int, default=4, metavar="N",
        help="with --service, let so many requests wait and drop the rest (default 4)",
    )  # fmt: skip


def _add_user(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--v3-user", metavar="NAME", help="answer to this user of v3, too")
    group.add_argument("--v3-auth", choices=get_args(AuthProtocol), help="how the user's messages are signed")
    group.add_argument("--v3-auth-password", default="", metavar="TEXT")
    group.add_argument("--v3-priv", choices=get_args(PrivProtocol), help="how the user's messages are encrypted")
    group.add_argument("--v3-priv-password", default="", metavar="TEXT")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; 2 for arguments that do not fit together. SIGUSR1 prints what was counted."""
    fault = _fault(arguments)
    if fault:
        print(fault)  # noqa: T201  a command's message
        return 2
    try:
        return _Devices(arguments).serve()
    except (OSError, ValueError) as error:
        print(f"heronwatch exporter simulate snmp: {_reason(error)}", file=sys.stderr)  # noqa: T201  as above
        return 2


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _fault(arguments: argparse.Namespace) -> str:
    """Return why the arguments do not fit together, '' when they do."""
    places = 1 if arguments.network else len(arguments.listen or [None])
    for name, given in (("recording", arguments.recording), ("live", arguments.live)):
        if len(given) not in {0, 1, places}:
            return f"--{name}: give one, or one for each --listen"
    if arguments.network and (arguments.listen or arguments.tcp):
        return "--network: not with --listen or --tcp"
    if arguments.processes is not None and (_trouble(arguments) != NO_TROUBLE or arguments.live or arguments.tcp):
        return "--processes: not with --tcp, --live or trouble"
    if arguments.v3_priv and not arguments.v3_auth:
        return "--v3-priv: needs --v3-auth"
    for protocol, password in (("auth", arguments.v3_auth_password), ("priv", arguments.v3_priv_password)):
        if getattr(arguments, f"v3_{protocol}") and len(password) < SHORTEST_PASSWORD:
            return f"--v3-{protocol}-password: at least {SHORTEST_PASSWORD} characters (RFC 3414 section 11.2)"
    if not 0 <= arguments.loss < 1:
        return f"--loss: {arguments.loss:g} is no share (0 to less than 1)"
    if arguments.delay < 0 or arguments.service < 0:
        return "--delay and --service: not below 0"
    return ""


def _trouble(arguments: argparse.Namespace) -> Trouble:
    found = Trouble(arguments.delay, arguments.loss, arguments.service, arguments.queue)
    return NO_TROUBLE if found == Trouble(queue=arguments.queue) else found


class _Devices:
    """The agents of one command and their ports."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._started_at = time.time()
        self._files: list[LiveFile] = []
        self._places: list[Place] = []
        shared: dict[Path, Agent] = {}
        for number, port in enumerate(_ports(arguments)):
            path = _of(arguments.recording, number)
            agent = shared.get(path)
            if agent is None or arguments.live:  # moving values are put into the recording
                agent = shared[path] = self._agent(recording.load(path))
            if arguments.live:
                self._files.append(LiveFile(_of(arguments.live, number), agent))
            engine = self._engine("{}:{}".format(*port.address)) if arguments.v3_user else None
            self._places.append(Place(port, agent, engine))

    def serve(self) -> int:
        """Serve until told to stop."""
        if self._arguments.processes is None:
            with asyncio.Runner(loop_factory=self._loop) as runner:
                runner.run(self._serve())
        else:
            self._say_where()
            serve(self._places, self._arguments.processes, report=_report, now=self._now)
        for place in self._places:
            place.port.close()
        return 0

    def _now(self) -> float:
        return self._started_at if self._arguments.still else time.time()

    def _loop(self) -> asyncio.AbstractEventLoop:
        """Return a loop; one that delays answers waits to the microsecond, where epoll(7) rounds up to milliseconds."""
        is_exact = self._arguments.delay and len(self._places) < 100
        return asyncio.SelectorEventLoop(selectors.SelectSelector() if is_exact else None)

    def _agent(self, recorded: recording.Recording) -> Agent:
        return Agent(
            recorded,
            community=self._arguments.community,
            started_at=self._started_at,
            most_reply_bytes=self._arguments.max_reply,
            versions=(ber.V1,) if self._arguments.v1 else (ber.V1, ber.V2C),
        )

    def _engine(self, name: str) -> "AgentEngine":
        from exporters.snmp.simulator.engine import AgentEngine, engine_id  # noqa: PLC0415  needs cryptography
        from exporters.snmp.usm.model import User  # noqa: PLC0415

        given = self._arguments
        user = User(
            name=given.v3_user, auth_protocol=given.v3_auth, auth_password=Secret(given.v3_auth_password),
            priv_protocol=given.v3_priv, priv_password=Secret(given.v3_priv_password),
        )  # fmt: skip
        return AgentEngine(user, engine_id=engine_id(name), started_at=self._started_at, random_bits=secrets.randbits)

    def _say_where(self) -> None:
        for place in self._places:
            print("listening on {}:{}".format(*place.port.address), flush=True)  # noqa: T201  the contract of simulators

    async def _serve(self) -> None:
        trouble = _trouble(self._arguments)
        chance = random.Random(0).random  # noqa: S311  # lost packets need no secrecy
        with contextlib.ExitStack() as stack:
            for place in self._places:
                simulator = Simulator(
                    place.agent, place.port, engine=place.engine, trouble=trouble, now=self._now, chance=chance
                )
                stack.callback(simulator.close)
                if self._arguments.tcp:
                    tcp = TcpSimulator(place.agent, engine=place.engine, delay_s=trouble.delay_s, now=self._now)
                    await tcp.listening(place.port.address)
                    stack.callback(tcp.close)
            self._say_where()
            await self._until_stopped(list({id(place.agent): place.agent for place in self._places}.values()))

    async def _until_stopped(self, agents: Sequence[Agent]) -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        loop.add_signal_handler(signal.SIGUSR1, _report, agents)
        while not stopped.is_set():
            for file in self._files:
                file.check()
            try:
                await asyncio.wait_for(stopped.wait(), LIVE_CHECK_S if self._files else None)
            except TimeoutError:
                continue


def _ports(arguments: argparse.Namespace) -> list[Port]:
    if arguments.network:
        return [NetworkPort(arguments.network.addresses, arguments.network.port)]
    listens = arguments.listen or [HostPort.parse(f"127.0.0.1:{SIMULATED_PORT}")]
    return [UdpPort((one.host, SIMULATED_PORT if one.port is None else one.port)) for one in listens]


def _report(agents: Sequence[Agent]) -> None:
    """Print what agents have counted, as one line."""
    total = sum((agent.tally() for agent in agents), Tally())
    print(f"counts {msgspec.json.encode(total).decode()}", flush=True)  # noqa: T201  what SIGUSR1 asks for


def _of(given: Sequence[Path], number: int) -> Path:
    return given[number] if len(given) > 1 else given[0]
