"""Simulated devices as a target for load: the addresses shared among processes, and nothing but answers.

A packet costs some 8 µs here, most of it the kernel's; the ordinary simulator, which can delay and lose answers, needs
half as much again.
"""

import os
import select
import signal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from exporters.snmp.simulator.agent import Agent
from exporters.snmp.simulator.simulated import Port

if TYPE_CHECKING:  # what needs no v3 needs no cryptography
    from exporters.snmp.simulator.engine import AgentEngine

CHECK_S = 0.2
"""How often a process looks whether it is to stop, and whether its parent is still there."""

Report = Callable[[Sequence[Agent]], None]


class Place(Struct, frozen=True):
    """An agent and a port that it answers at, with the engine that it has there."""

    port: Port
    agent: Agent
    engine: "AgentEngine | None" = None


def serve(places: Sequence[Place], processes: int, *, report: Report, now: Callable[[], float]) -> None:
    """Answer with so many processes until SIGINT or SIGTERM; at SIGUSR1 each reports what its agents have counted."""
    parent = os.getpid()
    children: list[int] = []
    for number in range(1, processes):
        child = os.fork()
        if not child:
            _Worker(places[number::processes], parent, (), report).run(now)
            os._exit(0)
        children.append(child)
    try:
        _Worker(places[::processes], os.getppid(), children, report).run(now)
    finally:
        for child in children:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)


class _Worker:
    """One process with its share of the places."""

    def __init__(self, places: Sequence[Place], parent: int, children: Sequence[int], report: Report) -> None:
        self._places = {place.port.fileno(): (place.port, place.agent, place.engine) for place in places}
        self._agents = list({id(place.agent): place.agent for place in places}.values())
        self._parent = parent
        self._children = children
        self._report = report
        self._stopped = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGUSR1, self._tell)

    def run(self, now: Callable[[], float]) -> None:
        """Answer until told to stop, or until the parent has gone."""
        ready = select.epoll()
        for number in self._places:
            ready.register(number, select.EPOLLIN)
        while not self._stopped and os.getppid() == self._parent:
            for number, _ in ready.poll(CHECK_S):
                port, agent, engine = self._places[number]
                try:
                    datagram, peer = port.receive()
                    answer = agent.answer(datagram, now(), engine)
                    if answer is not None:
                        port.send(answer, peer)
                except OSError:  # nothing for us, or the client has gone
                    continue

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopped = True

    def _tell(self, _number: int, _frame: object) -> None:
        self._report(self._agents)
        for child in self._children:
            os.kill(child, signal.SIGUSR1)
