"""Value types for what stands at the other end of a network: addresses, networks, URLs. See `heronwatch.values`."""

import ipaddress
import re
from typing import Any, ClassVar, Self
from urllib.parse import SplitResult, urlsplit

import msgspec

from heronwatch.faults import quoted

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*\.?", re.ASCII)
_NUMERIC_HOST = re.compile(r"[0-9.]+", re.ASCII)


class HostPort(msgspec.Struct, frozen=True, order=True):
    """A host (name, IPv4 or IPv6 address; empty: every interface) and a port, None where it was left out.

    >>> HostPort.parse("[2001:db8::1]:161")
    HostPort(host='2001:db8::1', port=161)
    >>> str(HostPort.parse("plc1.example")), HostPort.parse("plc1.example").port_or(502)
    ('plc1.example', 502)
    """

    host: str
    port: int | None = None
    __schema__: ClassVar[dict[str, Any]] = {"type": "string", "title": "address", "description": "host or host:port"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that a text means."""
        host, port = _split_address(text)
        if host and not _is_host(host):
            raise ValueError(f"{quoted(text)} is not an address: {quoted(host)} is no host name and no IP address")
        if not host and port is None:
            raise ValueError(f"{quoted(text)} is not an address (host or host:port)")
        return cls(host, port)

    def port_or(self, default: int) -> int:
        """Return the port, or a default where it was left out."""
        return default if self.port is None else self.port

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host and self.port is not None else self.host
        return host if self.port is None else f"{host}:{self.port}"


def _split_address(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")) or ":" not in host:
            raise ValueError(f"{quoted(text)} is not an address ([IPv6] or [IPv6]:port)")
        return host, _port(text, rest[1:]) if rest else None
    if text.count(":") > 1:
        return text, None
    if "://" in text:
        raise ValueError(f"{quoted(text)} is not an address: write host or host:port, without {quoted('://')}")
    host, colon, port = text.partition(":")
    return host, _port(text, port) if colon else None


def _port(text: str, port: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or int(port) > 65_535:
        raise ValueError(f"{quoted(text)} is not an address: {quoted(port)} is no port (0 to 65535)")
    return int(port)


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:  # 10.0.0.256 is no host name
        return _HOST.fullmatch(host) is not None and _NUMERIC_HOST.fullmatch(host) is None
    return True


class Network(msgspec.Struct, frozen=True):
    """A network of IP addresses; one address alone is a network of one.

    >>> "10.1.2.3" in Network.parse("10.0.0.0/8"), "::1" in Network.parse("10.0.0.0/8")
    (True, False)
    >>> Network.parse("10.0.0.1/8")
    Traceback (most recent call last):
    ValueError: '10.0.0.1/8' is not a network: write 10.0.0.0/8 (or 10.0.0.1/32 for this one address)
    """

    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    __schema__: ClassVar[dict[str, Any]] = {"type": "string", "title": "network", "description": "10.0.0.0/8, fd00::/8"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the network that a text means."""
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            raise ValueError(f"{quoted(text)} is not a network (10.0.0.0/8, fd00::/8)") from error
        address = ipaddress.ip_address(text.partition("/")[0])
        if network.network_address != address:
            one = f"{address}/{network.max_prefixlen}"
            raise ValueError(f"{quoted(text)} is not a network: write {network} (or {one} for this one address)")
        return cls(network)

    def __contains__(self, address: object) -> bool:
        """Say whether an address (a text or an `ipaddress` value; IPv4 mapped into IPv6 counts as IPv4) is inside."""
        try:
            value = ipaddress.ip_address(address)  # type: ignore[arg-type]  # any object: what is no address raises
        except ValueError:
            return False
        mapped = value.ipv4_mapped if isinstance(value, ipaddress.IPv6Address) else None
        return (mapped or value) in self.network or value in self.network

    def __str__(self) -> str:
        return str(self.network)


class HttpUrl(str):
    """An http or https URL without user, password and fragment; a trailing slash is dropped.

    >>> HttpUrl.parse("http://127.0.0.1:9090/").join("api/v1/query")
    'http://127.0.0.1:9090/api/v1/query'
    >>> HttpUrl.parse("http://admin:hunter2@prom")
    Traceback (most recent call last):
    ValueError: a URL holds no user and password here; use the fields for credentials
    """

    __slots__ = ()
    __schema__: ClassVar[dict[str, Any]] = {
        "type": "string",
        "format": "uri",
        "title": "URL",
        "pattern": "^https?://[^@/?#]+([/?][^#]*)?$",
    }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the URL that a text means."""
        parts = _split_url(text)
        if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{quoted(_without_user(text))} is not a URL (http://host:port/path)")
        if "@" in parts.netloc:
            raise ValueError("a URL holds no user and password here; use the fields for credentials")
        if "#" in text or not text.isascii() or any(c <= " " or c in '"<>\\' for c in text):
            raise ValueError(f"{quoted(text)} is not a URL: it holds a fragment or a character to be escaped")
        return cls(text.rstrip("/"))

    @property
    def host(self) -> str:
        """Return the host, without brackets."""
        return urlsplit(self).hostname or ""

    @property
    def port(self) -> int:
        """Return the port, 80 or 443 where it was left out."""
        parts = urlsplit(self)
        return parts.port or (443 if parts.scheme == "https" else 80)

    def join(self, path: str) -> str:  # type: ignore[override]  # of two meanings of the word, this one fits a URL
        """Return this URL with a path appended."""
        return f"{self}/{path.lstrip('/')}"


def _split_url(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # raises when it is no port
    except ValueError:
        return None
    return parts


def _without_user(text: str) -> str:
    start, at, rest = text.rpartition("@")
    scheme, slashes, _ = start.partition("//")
    return f"{scheme}{slashes}…@{rest}" if at and slashes else ("…@" + rest if at else text)
