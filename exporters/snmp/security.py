"""How a PDU becomes a message and back: the seam between the walk and a version's security.

v1 and v2c name a community. The user-based model of v3 (RFC 3414) wraps a scoped PDU behind the same methods, and
learns from the device's reports who it is and what time it has.
"""

from typing import Protocol

from exporters.snmp import ber
from exporters.snmp.errors import DeviceError, MalformedError, SnmpError


class Reported(SnmpError):  # noqa: N818  # it is news more often than a fault
    """The device reports (RFC 3414 section 3.2) on message `message_id` instead of answering it.

    Without an `error` the model has learnt what it lacked, and the same request may be sent again.
    """

    def __init__(self, message_id: int, error: DeviceError | None = None) -> None:
        super().__init__(str(error) if error else "the device's engine has introduced itself")
        self.message_id = message_id
        self.error = error


class SecurityModel(Protocol):
    """Wraps requests and unwraps responses of one device; `message_id` is the request-id of the PDU, too."""

    version: int

    @property
    def silence(self) -> str:
        """What it may mean that the device is silent, '' where there is nothing to add to that."""
        ...

    def hello(self, message_id: int) -> bytes | None:
        """Return the message to send before any other (the discovery of v3), None when there is nothing to learn."""
        ...

    def wrap(self, pdu: bytes, message_id: int) -> bytes:
        """Return the message that carries a PDU."""
        ...

    def unwrap(self, datagram: bytes) -> tuple[bytes, int]:
        """Return bytes and where in them the PDU begins.

        Raises MalformedError for what is no such message or cannot be verified, Reported for a report.
        """
        ...


class Community:
    """The community-based security of v1 and v2c (RFC 1157, RFC 1901): a word in clear text."""

    __slots__ = ("_head", "version")

    def __init__(self, version: int, community: str) -> None:
        self.version = version
        self._head = ber.integer(version) + ber.tlv(ber.OCTET_STRING, community.encode())

    @property
    def silence(self) -> str:
        """What silence may mean: a device gives no answer to a community that it does not know."""
        return "an agent is silent to a community it does not know, too"

    def hello(self, message_id: int) -> bytes | None:  # noqa: ARG002  # of the seam
        """Return nothing: a community needs no introduction."""
        return None

    def wrap(self, pdu: bytes, message_id: int = 0) -> bytes:  # noqa: ARG002  # of the seam
        """Return the message that carries a PDU."""
        return ber.tlv(ber.SEQUENCE, self._head + pdu)

    def unwrap(self, datagram: bytes) -> tuple[bytes, int]:
        """Return the datagram and where its PDU begins. The community is not compared: agents answer with others."""
        try:
            if datagram[0] != ber.SEQUENCE:
                raise MalformedError(f"tag 0x{datagram[0]:02x} where a message is due")
            pos, _ = ber.header(datagram, 0)
            version, pos = ber.read_integer(datagram, pos)
            if version != self.version:
                raise MalformedError(f"a message of version {version}, not {self.version}")
            if datagram[pos] != ber.OCTET_STRING:
                raise MalformedError("a message without a community")
            _, pos = ber.header(datagram, pos)
        except IndexError:
            raise MalformedError("the message is cut off") from None
        return datagram, pos

    def __repr__(self) -> str:
        return f"Community(version={self.version})"
