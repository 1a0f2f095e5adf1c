"""``heronwatch exporter simulate ssh``: a Linux host that exists only as text, behind a real SSH server."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from exporters.probing.collector import Contract, Credential, Module, SimulatedDevice, Target
from exporters.probing.live_file import LiveFile
from exporters.ssh.arguments import USER
from exporters.ssh.catalogue import builtin_modules
from exporters.ssh.credential import SshCredential
from exporters.ssh.fake_host import FakeHost
from exporters.ssh.module import SshPlan
from exporters.ssh.script import commands_of
from exporters.ssh.simulator import KeyPair, SshSimulator, new_key
from heronwatch.commands import EXIT_FAULT, EXIT_OK
from heronwatch.secrets import Secret
from heronwatch.values import HostPort

LOOPBACK = "127.0.0.1"
MODULE = "linux"


class SimulatedHost:
    """A Linux host that answers the shipped module `linux`."""

    def __init__(
        self,
        *,
        user: str = USER,
        authorized: Iterable[str],
        live: Path | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        plan: SshPlan = builtin_modules()[MODULE].plan
        self._known = {name: command.run for name, command in plan.commands.items()}
        self._now = now
        self._live = LiveFile(live, lambda _tracks: None)
        self.simulator = SshSimulator(self._output, user=user, authorized=authorized)
        self.target = target_at(LOOPBACK, 0)

    def sessions(self) -> int:
        """Count the connections open now."""
        return self.simulator.connections

    def operations(self) -> Sequence[str]:
        """Name every command and request received, in order."""
        commands = [command for _, command in self._received()]
        return [*commands, *self.simulator.other_requests]

    def forbidden(self) -> Sequence[str]:
        """Give what was asked beyond the commands of the module."""
        commands = [command for name, command in self._received() if self._known.get(name) != command]
        return [*commands, *self.simulator.other_requests]

    def _received(self) -> list[tuple[str, str]]:
        """Name and command of everything received; a text that is no batch stands as a command without a name."""
        found: list[tuple[str, str]] = []
        for script in self.simulator.scripts:
            parts = [(name, command) for _, name, command in commands_of(script)]
            found += parts or [("", script)]
        return found

    def _output(self, name: str, command: str) -> str | None:
        if self._known.get(name) != command:
            return None
        return FakeHost(self._now(), self._live.current()).output(name)


def target_at(address: str, port: int, credential: SshCredential | None = None) -> Target:
    """Describe an SSH target at any address."""
    bound = Credential(name="simulated", value=credential) if credential else None
    return Target(name="simulated", address=address, port=port, host=address, transport="tcp", credential=bound)


def credential_for(client: KeyPair, host: KeyPair | None) -> SshCredential:
    """Log in with a key; without a host's key, nothing that answers will be trusted."""
    return SshCredential(username=USER, private_key=Secret(client.private), host_key=(host or new_key()).public)


@asynccontextmanager
async def simulated_device() -> AsyncIterator[SimulatedDevice]:
    """Start the simulator on a free loopback port, for the contract suite."""
    client, host = new_key(), new_key()
    device = SimulatedHost(authorized=[client.public])
    await device.simulator.start(LOOPBACK, 0, host.private)
    device.target = target_at(LOOPBACK, device.simulator.port, credential_for(client, host))
    try:
        yield device
    finally:
        await device.simulator.stop()


def contract() -> Contract:
    """Give the contract suite of the seam what it needs."""
    credential = credential_for(new_key(), None)
    modules: list[Module] = [builtin_modules()[MODULE]]
    return Contract(
        transport="tcp",
        modules=lambda: modules,
        target=lambda address, port: target_at(address, port, credential),
        device=simulated_device,
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    try:
        authorized = _key_lines(arguments.authorized_key.read_text())
        device = SimulatedHost(user=arguments.user, authorized=authorized, live=arguments.live)
        listen = HostPort.parse(arguments.listen)
        asyncio.run(_serve(device, listen, arguments.host_key.read_text()))
    except (OSError, ValueError) as error:
        print(f"cannot play a host on {arguments.listen}: {error}", file=sys.stderr)  # noqa: T201  a program for a terminal
        return EXIT_FAULT
    return EXIT_OK


def _key_lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


async def _serve(device: SimulatedHost, listen: HostPort, host_key: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await device.simulator.start(listen.host, listen.port_or(0), host_key)
    print(f"listening on {listen.host}:{device.simulator.port}", flush=True)  # noqa: T201  a program for a terminal
    try:
        await stop.wait()
    finally:
        await device.simulator.stop()
