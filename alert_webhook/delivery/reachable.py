"""Which addresses outgoing HTTP may reach: public ones, and those that a configuration names. Pure."""

import ipaddress
from collections.abc import Sequence

from heronwatch.values import HttpUrl, Network

NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052 section 2.1: the last 32 bits are an IPv4 address
# of the IANA special-purpose registries, what Python 3.11's is_global calls global; RFC 3879, 4291 and 8215 among them
SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "::/96", "64:ff9b:1::/48", "3fff::/20", "5f00::/16", "fec0::/10", "192.88.99.0/24")
)
INSIDE = "the address is inside: name its network under allowed_networks if it is meant"
CLEAR_TEXT = "without TLS only addresses inside allowed_networks are reached: write https"
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def permitted(address: str, allowed: Sequence[Network]) -> bool:
    """Say whether an address may be reached: public ones, and those inside `allowed`.

    >>> permitted("127.0.0.1", ()), permitted("::ffff:10.0.0.1", ()), permitted("8.8.8.8", ())
    (False, False, True)
    >>> permitted("10.0.0.1", (Network.parse("10.0.0.0/8"),))
    True
    """
    real = _real(address)
    special = real.is_multicast or any(real in network for network in SPECIAL)
    return _inside(real, allowed) or (real.is_global and not special)


def named(address: str, allowed: Sequence[Network]) -> bool:
    """Say whether an address lies in one of these networks, also where it is wrapped into another."""
    return _inside(_real(address), allowed)


def url_fault(url: HttpUrl, allowed: Sequence[Network]) -> str | None:
    """Return what can be said against a URL when the configuration loads; names are judged when they are resolved."""
    if url.startswith("http://") and not allowed:
        return CLEAR_TEXT
    try:
        real = _real(url.host)
    except ValueError:
        return None
    if url.startswith("http://") and not _inside(real, allowed):
        return CLEAR_TEXT
    return None if permitted(url.host, allowed) else INSIDE


def _real(address: str) -> IpAddress:
    """Return the address that packets end up at, where one is wrapped into another."""
    value = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(value, ipaddress.IPv4Address):
        return value
    if value in NAT64:
        return ipaddress.IPv4Address(int(value) & 0xFFFF_FFFF)
    return value.ipv4_mapped or value.sixtofour or value


def _inside(address: IpAddress, networks: Sequence[Network]) -> bool:
    return any(str(address) in network for network in networks)
