"""A simulated device as the contract suite of collectors wants it."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from exporters.probing.collector import Contract, Credential, Module, SimulatedDevice, Target
from exporters.snmp.ber import Kind
from exporters.snmp.config.catalogue import builtin_modules
from exporters.snmp.config.credential import PUBLIC
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import PERMITTED, Agent
from exporters.snmp.simulator.simulated import Simulator


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
