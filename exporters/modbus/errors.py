"""What can go wrong between us and a Modbus device, chosen by what the reader of a plan does next.

ModbusError
├── RefusedReadError    the device answered with an exception: this block is lost, others may succeed
├── BadAnswerError      bytes that are no answer to our request: the connection is dropped
├── NoAnswerError       silence until the time-out: the connection is dropped, the rest is not asked
└── UnreachableError    no connection, or one still in its back-off: nothing can be asked
"""


class ModbusError(Exception):
    """A read that gave no values. ``reason`` is the stable word for a fault and its metric label."""

    reason = "internal"

    @property
    def ends_unit(self) -> bool:
        """Whether further requests to this unit are pointless in this scrape."""
        return True


class RefusedReadError(ModbusError):
    """The device answered with a Modbus exception code."""

    reason = "refused"

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code} ({EXCEPTION_TEXT.get(code, 'not in the specification')})")

    @property
    def ends_unit(self) -> bool:
        """Only a gateway that cannot reach the unit ends it; any other exception costs its own request."""
        return self.code in {GATEWAY_PATH_UNAVAILABLE, GATEWAY_TARGET_SILENT}


class BadAnswerError(ModbusError):
    """The bytes that came are no answer to the request that was sent."""

    reason = "decode"

    @property
    def ends_unit(self) -> bool:
        """No: a new connection may be in step again."""
        return False


class NoAnswerError(ModbusError):
    """Nothing came within the time-out."""

    reason = "timeout"


class UnreachableError(ModbusError):
    """There is no connection to the gateway."""

    reason = "unreachable"


GATEWAY_PATH_UNAVAILABLE = 10
GATEWAY_TARGET_SILENT = 11
# Modbus Application Protocol Specification V1.1b3, section 7
EXCEPTION_TEXT = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    GATEWAY_PATH_UNAVAILABLE: "gateway path unavailable",
    GATEWAY_TARGET_SILENT: "gateway target did not respond",
}
