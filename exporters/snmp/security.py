"""How a PDU becomes a message and back: the seam between the walk and a version's security.

v1 and v2c name a community. The user-based model of v3 (RFC 3414) wraps a scoped PDU behind the same two methods.
"""

from typing import Protocol

from exporters.snmp import ber
from exporters.snmp.errors import MalformedError


class SecurityModel(Protocol):
    """Wraps requests and unwraps responses."""

    version: int

    def wrap(self, pdu: bytes) -> bytes:
        """Return the message that carries a PDU."""
        ...

    def unwrap(self, datagram: bytes) -> tuple[bytes, int]:
        """Return bytes and where in them the PDU begins; raises MalformedError for what is no such message."""
        ...


class Community:
    """The community-based security of v1 and v2c (RFC 1157, RFC 1901): a word in clear text."""

    __slots__ = ("_head", "version")

    def __init__(self, version: int, community: str) -> None:
        self.version = version
        self._head = ber.integer(version) + ber.tlv(ber.OCTET_STRING, community.encode())

    def wrap(self, pdu: bytes) -> bytes:
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
