"""Who may ask for what, as pure decisions that carry their reason."""

import ipaddress
from collections.abc import Mapping
from typing import Self

import msgspec

FORWARDING_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
LOCAL_NAMES = ("localhost", "")


class Decision(msgspec.Struct, frozen=True):
    """Yes or no, and why."""

    allowed: bool
    reason: str


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """The other side of a connection, as far as it can be trusted."""

    address: str  # "" for a Unix socket
    forwarded: bool = False  # a proxy handed the request on: the address is the proxy's
    cross_site: bool = False  # a browser sent it from another site's page
    host: str = ""  # the Host header, without the port

    @classmethod
    def of(cls, address: str, headers: Mapping[str, str]) -> Self:
        """Read the headers that tell a proxy or a browser."""
        return cls(
            address=address,
            forwarded=any(name in headers for name in FORWARDING_HEADERS),
            cross_site=_is_cross_site(headers),
            host=host_of(headers.get("Host", "")),
        )


def _is_cross_site(headers: Mapping[str, str]) -> bool:
    """By Fetch Metadata, and by Origin for what does not send that."""
    if headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        return True
    origin = headers.get("Origin")
    return origin is not None and origin.partition("://")[2] != headers.get("Host", "")


def host_of(host_header: str) -> str:
    """The name or address in a Host header, without port and brackets.

    >>> host_of("localhost:9810"), host_of("[::1]:9810"), host_of("10.0.0.1")
    ('localhost', '::1', '10.0.0.1')
    """
    if host_header.startswith("["):
        return host_header[1:].partition("]")[0]
    return host_header.partition(":")[0].lower()


def is_loopback(host: str) -> bool:
    """Whether an address or name stays on this machine; "" (a Unix socket) does.

    >>> is_loopback("127.0.0.1"), is_loopback("::ffff:127.0.0.1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_address(host: str) -> bool:
    """Whether the text is an IP address."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def is_local(peer: Peer) -> Decision:
    """Whether a request surely comes from a program on this machine.

    A proxy on this machine, a web page in a browser on this machine, and a foreign name that was made to resolve
    to 127.0.0.1 (DNS rebinding) all arrive from loopback: none of them counts.
    """
    if not is_loopback(peer.address):
        return Decision(False, f"the request came from {peer.address}")
    if peer.forwarded:
        return Decision(False, "the request came through a proxy")
    if peer.cross_site:
        return Decision(False, "the request came from another site's page")
    if not (is_address(peer.host) or peer.host in LOCAL_NAMES):
        return Decision(False, f"the request was addressed to {peer.host!r}, not to localhost")
    return Decision(True, "local")


def lifecycle_allowed(peer: Peer, *, enable_lifecycle: bool, authenticated: bool) -> Decision:
    """Whether /-/reload and /config answer this peer.

    `authenticated`: the request passed a web config that authenticates (users, or required client certificates).
    """
    local = is_local(peer)
    if local.allowed:
        return local
    if not enable_lifecycle:
        return Decision(False, f"{local.reason}; start with --web.enable-lifecycle to allow this")
    if not authenticated:
        return Decision(False, f"{local.reason}; --web.enable-lifecycle needs a --web.config.file with users")
    return Decision(True, "--web.enable-lifecycle")


def listen_allowed(host: str, *, authenticates: bool, open_because: str = "") -> Decision:
    """Whether a server may listen on a host; `open_because` says why it may do so without authentication.

    "" is every interface, as in ":9810"; a Unix socket is asked about as "localhost".
    """
    if host and is_loopback(host):
        return Decision(True, "loopback only")
    if authenticates:
        return Decision(True, "the web config authenticates every request")
    if open_because:
        return Decision(True, open_because)
    where = host or "every interface"
    return Decision(
        False,
        f"listening on {where} would let anyone in: give --web.config.file with basic_auth_users or required client "
        "certificates, listen on 127.0.0.1, or say --web.insecure",
    )
