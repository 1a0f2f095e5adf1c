"""The Modbus collector: modules to requests, answers to samples, device trouble to faults."""

import asyncio
from collections.abc import Callable, Sequence

from exporters.metric.samples import Fault, ModuleStats, Reading, Sample
from exporters.modbus.decode import samples_of
from exporters.modbus.errors import BadAnswerError, ModbusError
from exporters.modbus.frame import ReadRequest
from exporters.modbus.module import ModbusPlan, ReadOptions
from exporters.modbus.plan import Block
from exporters.modbus.session import Gateway, Timing
from exporters.probing.collector import Module, Target

DEFAULT_UNIT = 1
BEFORE_DEADLINE_S = 0.02  # what was read is handed over before the engine would cancel
MOST_BAD_ANSWERS = 2  # whoever answers that often with something else does not speak Modbus
MANY_GATEWAYS = 1024  # above this, gateways at rest are forgotten


class ModbusCollector:
    """Reads Modbus TCP devices: one `Gateway` for each address and port, whatever units stand behind it."""

    def __init__(self, connect: Callable[[str, int], Gateway] = Gateway) -> None:
        self._connect = connect
        self._gateways: dict[tuple[str, int], Gateway] = {}

    async def collect(self, target: Target, modules: Sequence[Module], deadline: float) -> Reading:
        """Read modules one after the other; see `exporters.probing.collector.Collector`."""
        gateway = self._gateway(target.address, target.port)
        unit = int(target.params.get("unit", DEFAULT_UNIT))
        samples: list[Sample] = []
        faults: list[Fault] = []
        stats: dict[str, ModuleStats] = {}
        unheard: ModbusError | None = None
        for module in modules:
            run = _Run(gateway, module, unit)
            if unheard is None:
                unheard = await run.read_all(deadline - BEFORE_DEADLINE_S)
            else:
                run.skip(unheard)
            samples += run.samples
            faults += run.faults
            stats[module.name] = run.stats()
        return Reading(samples, tuple(faults), stats)

    async def release(self, target: Target) -> None:
        """Close the connection that is kept for a target's gateway."""
        gateway = self._gateways.pop((target.address, target.port), None)
        if gateway:
            gateway.close()

    async def close(self) -> None:
        """Close every connection."""
        while self._gateways:
            self._gateways.popitem()[1].close()
        await asyncio.sleep(0)  # transports close in the next turn of the loop

    def _gateway(self, host: str, port: int) -> Gateway:
        if len(self._gateways) >= MANY_GATEWAYS:
            self._gateways = {key: kept for key, kept in self._gateways.items() if not kept.at_rest}
        key = (host, port)
        if key not in self._gateways:
            self._gateways[key] = self._connect(host, port)
        return self._gateways[key]


class _Run:
    """One module of one scrape."""

    def __init__(self, gateway: Gateway, module: Module, unit: int) -> None:
        plan: ModbusPlan = module.plan
        self.samples: list[Sample] = []
        self.faults: list[Fault] = []
        self._gateway = gateway
        self._name = module.name
        self._unit = unit
        self._plan = plan
        self._timing = _timing(plan.read)
        self._sent_before = gateway.requests_sent
        self._answered = 0
        self._bad_answers = 0
        self._started = asyncio.get_running_loop().time()

    async def read_all(self, deadline: float) -> ModbusError | None:
        """Read block after block; give the error after which the unit need not be asked any more, if any."""
        blocks = self._plan.blocks
        for number, block in enumerate(blocks, start=1):
            try:
                await self._read(block, deadline)
            except ModbusError as error:
                self._bad_answers += isinstance(error, BadAnswerError)
                ends = error.ends_unit or self._bad_answers >= MOST_BAD_ANSWERS
                self._note(block, error, len(blocks) - number if ends else 0)
                if ends:
                    return error
        return None

    def skip(self, earlier: ModbusError) -> None:
        """Ask nothing: the unit was found silent by the module before."""
        self.faults.append(Fault(self._name, earlier.reason, f"unit {self._unit}: not asked after: {earlier}"))

    def stats(self) -> ModuleStats:
        """Sum up what the module cost."""
        return ModuleStats(
            success=not self.faults,
            duration_s=asyncio.get_running_loop().time() - self._started,
            packets_sent=self._gateway.requests_sent - self._sent_before,
            pdus_returned=self._answered,
        )

    async def _read(self, block: Block, deadline: float) -> None:
        request = ReadRequest(self._unit, block.table.function, block.address, block.count)
        values = await self._gateway.read(request, self._timing, deadline=deadline)
        self._answered += 1
        self.samples += samples_of(block, values, self._plan.fields)

    def _note(self, block: Block, error: ModbusError, not_asked: int) -> None:
        rest = f"; {not_asked} more requests were not sent" if not_asked else ""
        self.faults.append(Fault(self._name, error.reason, f"unit {self._unit} {block}: {error}{rest}"))


def _timing(read: ReadOptions) -> Timing:
    return Timing(
        connect_timeout_s=read.connect_timeout,
        response_timeout_s=read.response_timeout,
        pause_after_connect_s=read.pause_after_connect,
        pause_between_requests_s=read.pause_between_requests,
        idle_close_s=read.idle_close,
    )
