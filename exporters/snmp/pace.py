"""How many rows to ask a device for at once. Pure."""

from exporters.snmp.ber import Reply, Request
from exporters.snmp.layout import FULL_REPLY
from exporters.snmp.plan import DEFAULT_REPETITIONS

MOST_REPETITIONS = 60


class Pace:
    """How many rows to ask for at once: as many as fill a packet, half as many when the device says too big.

    A module that names `max_repetitions` keeps to it.
    """

    __slots__ = ("configured", "grows", "repetitions")

    def __init__(self, repetitions: int | None = None) -> None:
        self.configured = repetitions
        self.grows = repetitions is None
        self.repetitions = DEFAULT_REPETITIONS if repetitions is None else repetitions

    def heard(self, request: Request, reply: Reply) -> None:
        """Learn from a reply to GetBulk. One that came only when less was asked for ends all growth."""
        count = len(reply.names)
        if reply.attempts > 1 and self.repetitions > DEFAULT_REPETITIONS:
            self.repetitions = DEFAULT_REPETITIONS
            self.grows = False
        if self.grows and count >= request.repetitions and reply.size:
            fitting = FULL_REPLY * count // reply.size
            self.repetitions = max(DEFAULT_REPETITIONS, min(fitting, MOST_REPETITIONS))

    def too_big(self) -> bool:
        """Ask for less; False when that is not possible."""
        if self.repetitions <= 1:
            return False
        self.repetitions //= 2
        self.grows = False
        return True
