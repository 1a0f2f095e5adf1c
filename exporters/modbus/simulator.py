"""``heronwatch exporter simulate modbus``: a Modbus TCP device on a real socket, made from a module."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from exporters.modbus.catalogue import builtin_modules
from exporters.modbus.frame import READ_FUNCTIONS
from exporters.modbus.image import Image
from exporters.modbus.likeness import check_names, image_at
from exporters.modbus.module import ModbusPlan
from exporters.modbus.server import ModbusServer
from exporters.probing.collector import Contract, Module, SimulatedDevice, Target
from exporters.probing.live_file import LiveFile
from heronwatch.commands import EXIT_FAULT, EXIT_OK
from heronwatch.values import HostPort
from heronwatch.words import hint

OPERATIONS = {
    1: "read coils",
    2: "read discrete inputs",
    3: "read holding registers",
    4: "read input registers",
}
LOOPBACK = "127.0.0.1"
CONTRACT_MODULE = "eastron_sdm630"


class SimulatedModbus:
    """A device that answers one module under one unit."""

    def __init__(
        self, module: Module, *, unit: int = 1, live: Path | None = None, now: Callable[[], float] = time.time
    ) -> None:
        plan: ModbusPlan = module.plan
        self._fields = plan.fields
        self._unit = unit
        self._now = now
        self._live = LiveFile(live, lambda tracks: check_names(self._fields, tracks))
        self.server = ModbusServer(self._image)
        self.target = target_at(LOOPBACK, 0, unit=unit)

    async def start(self, host: str = LOOPBACK, port: int = 0) -> None:
        """Listen; ``target`` says where from then on."""
        await self.server.start(host, port)
        self.target = target_at(host, self.server.port, unit=self._unit)

    def sessions(self) -> int:
        """Count the connections open now."""
        return self.server.connections

    def operations(self) -> Sequence[str]:
        """Name every request received, in order."""
        return [OPERATIONS.get(r.function, f"function {r.function}") for r in self.server.received]

    def forbidden(self) -> Sequence[str]:
        """Name the requests that are not reads."""
        return [f"function {r.function}" for r in self.server.received if r.function not in READ_FUNCTIONS]

    def _image(self, unit: int) -> Image | None:
        return image_at(self._fields, self._live.current(), self._now()) if unit == self._unit else None


def target_at(address: str, port: int, *, unit: int = 1) -> Target:
    """Describe a Modbus TCP target at any address."""
    return Target(name="simulated", address=address, port=port, transport="tcp", params={"unit": str(unit)})


@asynccontextmanager
async def simulated_device() -> AsyncIterator[SimulatedDevice]:
    """Start the simulator on a free loopback port, for the contract suite."""
    device = SimulatedModbus(builtin_modules()[CONTRACT_MODULE])
    await device.start()
    try:
        yield device
    finally:
        await device.server.stop()


def contract() -> Contract:
    """Give the contract suite of the seam what it needs."""
    return Contract(
        transport="tcp",
        modules=lambda: [builtin_modules()[CONTRACT_MODULE]],
        target=target_at,
        device=simulated_device,
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    modules = builtin_modules()
    module = modules.get(arguments.module)
    if module is None:
        print(f"{arguments.module!r} is not a module{hint(arguments.module, modules)}", file=sys.stderr)  # noqa: T201  a program for a terminal
        return EXIT_FAULT
    try:
        listen = HostPort.parse(arguments.listen)
        asyncio.run(_serve(SimulatedModbus(module, unit=arguments.unit, live=arguments.live), listen))
    except (OSError, ValueError) as error:
        print(f"cannot listen on {arguments.listen}: {error}", file=sys.stderr)  # noqa: T201  a program for a terminal
        return EXIT_FAULT
    return EXIT_OK


async def _serve(device: SimulatedModbus, listen: HostPort) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await device.start(listen.host, listen.port_or(0))
    print(f"listening on {listen.host}:{device.server.port}", flush=True)  # noqa: T201  a program for a terminal
    try:
        await stop.wait()
    finally:
        await device.server.stop()
