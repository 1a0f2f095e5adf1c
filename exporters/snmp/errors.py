"""The errors of the SNMP collector; leaves are chosen by what becomes of the scrape.

    ExporterError
    └── SnmpError
        ├── MalformedError     bytes that are no SNMP message: the datagram is dropped and counted
        └── DeviceError        the scrape of this module ends; `reason` is the word of its fault
            ├── NoAnswerError         every attempt timed out
            │   ├── StalledError      … after other answers came
            │   │   └── OutOfTimeError   the scrape's time was over, and the device was still answering
            │   └── StrayError        … while answers to other requests came
            ├── UnreachableError      the network says that the device is not there
            ├── OwnLimitError         this machine or process has no socket or memory left for it
            ├── RefusedByDeviceError  nothing listens on the port
            ├── GarbledError          every answer was malformed, or a value cannot be what its module says
            ├── CredentialError       the credential cannot be used for this device
            ├── StatusError           the device reports an error-status
            ├── RebootError           the device started anew while it was read
            └── WalkError             the device repeats itself or its answer is too long

No other error leaves this package for anything that a device sends.
"""

from typing import ClassVar

from exporters.errors import ExporterError


class SnmpError(ExporterError):
    """The root of the SNMP collector's errors."""


class MalformedError(SnmpError):
    """Bytes are no well-formed SNMP message."""


class DeviceError(SnmpError):
    """A device cannot be read; `reason` is the fault's stable word."""

    reason: ClassVar[str] = "decode"


class NoAnswerError(DeviceError):
    """No attempt was answered in time."""

    reason = "timeout"


class StalledError(NoAnswerError):
    """The device answered, and then no more."""

    reason = "stalled"


class OutOfTimeError(StalledError):
    """The time for the scrape was over while the device was still answering."""


class StrayError(NoAnswerError):
    """The device answers other requests than ours: another's, or earlier ones, late."""

    reason = "stray"


class UnreachableError(DeviceError):
    """The network says that the device is not there."""

    reason = "unreachable"


class OwnLimitError(DeviceError):
    """This machine or process lacks what asking takes; the device is not to blame."""

    reason = "limit"


class RefusedByDeviceError(DeviceError):
    """Nothing listens on the port (ICMP port unreachable)."""

    reason = "refused"


class GarbledError(DeviceError):
    """The device answered, but only with bytes that are no SNMP message, or with a value that its module forbids."""

    reason = "decode"


class CredentialError(DeviceError):
    """The credential cannot be used, or the device refuses it."""

    reason = "auth"


class StatusError(DeviceError):
    """The device answered a request with an error-status (RFC 3416 section 3)."""

    reason = "device"


class RebootError(DeviceError):
    """The device started anew while it was read: rows and labels of two lives would be mixed."""

    reason = "device"


class WalkError(DeviceError):
    """A walk would not end: the device repeats itself, or its answer is too long."""

    reason = "limit"
