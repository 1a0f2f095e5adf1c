"""Where a credential may be sent: a pure decision about the very address that will be used.

A credential of exporters.yml is bound: to the devices that name it and to its `networks`. One of a protocol's own
files (an unmodified `snmp.yml`) binds nothing, so it goes to listed devices, allowed networks and, on the protocol's
own route, to private and loopback addresses only.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from msgspec import Struct

from exporters.probing.collector import Credential
from heronwatch.guards import Decision
from heronwatch.values import Network

Address = IPv4Address | IPv6Address

PRIVATE = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",  # RFC 1918
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",  # RFC 1122 section 3.2.1.3
        "::1/128",  # RFC 4291 section 2.5.3
        "fc00::/7",  # RFC 4193
    )
)
"""Private and loopback; link-local addresses are not among them, since clouds keep credentials at 169.254.169.254."""

NO_DEVICE = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # RFC 1122: this host; Linux connects to itself
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/128",
        "ff00::/8",
    )
)


class Circumstances(Struct, frozen=True, kw_only=True):
    """What is known about a request besides its credential and address."""

    by_device: bool = False
    """A listed device was asked for, and this is the credential it names (or none)."""
    listed: bool = False
    """The host is that of a listed device, whichever credential."""
    private_allowed: bool = False
    """Whether private and loopback addresses need no listing (a protocol's own route)."""
    allowed: tuple[Network, ...] = ()
    any_target: bool = False
    remedy: str = "list the device, or its network under allowed_targets"


def may_send(credential: Credential | None, address: str, circumstances: Circumstances) -> Decision:
    """Say whether a request, with its credential if any, may be sent to an address (the one resolved, as text)."""
    ip = plain(address)
    if any(ip in network for network in NO_DEVICE):
        return Decision(False, f"{address} is no address of a device")
    if credential is not None and credential.bound:
        return _bound(credential, address, circumstances)
    return _unbound(ip, address, circumstances)


def plain(address: str) -> Address:
    """Return an address, with IPv4 mapped into IPv6 as what it is.

    >>> plain("::ffff:10.0.0.1")
    IPv4Address('10.0.0.1')
    """
    ip = ip_address(address)
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _bound(credential: Credential, address: str, circumstances: Circumstances) -> Decision:
    within = inside(address, credential.networks)
    if within:
        return Decision(True, f"{address} is inside the networks of credential {credential.name!r}")
    if circumstances.by_device and not credential.networks:
        return Decision(True, f"the device names credential {credential.name!r}")
    where = " and ".join(
        ["the devices that name it", *(["its networks"] if credential.networks else [])]
        if not circumstances.by_device
        else ["its networks"]
    )
    return Decision(False, f"credential {credential.name!r} is bound to {where}; it is not sent to {address}")


def _unbound(ip: Address, address: str, circumstances: Circumstances) -> Decision:
    if circumstances.by_device or circumstances.listed:
        return Decision(True, "a listed device")
    if inside(address, circumstances.allowed):
        return Decision(True, "an allowed network")
    if circumstances.private_allowed and any(ip in network for network in PRIVATE):
        return Decision(True, "a private or loopback address")
    if circumstances.any_target:
        return Decision(True, "any target is allowed")
    kind = "is neither a listed device nor in an allowed network"
    if circumstances.private_allowed:
        kind = "is neither private, nor a listed device, nor in an allowed network"
    return Decision(False, f"{address} {kind}: {circumstances.remedy}")


def inside(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of the networks."""
    return any(address in network for network in networks)


def narrowest(credentials: Iterable[Credential], address: str) -> Credential | None:
    """Return the credential whose network holds the address, the narrowest network's where several do."""
    found = [
        (network.network.prefixlen, credential)
        for credential in credentials
        for network in credential.networks
        if address in network
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None
