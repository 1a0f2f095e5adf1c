"""Host names → the one address that is checked and then used (nothing resolves a second time: no DNS rebinding)."""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from exporters.errors import UnresolvedError

KEPT_S = 30.0
MOST_KEPT = 10_000
THREADS = 16  # names that do not resolve block a thread each for seconds

AddressInfo = tuple[int, tuple[object, ...]]


class Resolver:
    """Resolves names in threads and keeps answers for a short while."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="resolve")
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()

    async def address(self, host: str, deadline: float) -> str:
        """Return a literal address for a host, before `deadline` (loop time); raises `UnresolvedError`."""
        literal = _literal(host)
        if literal is not None:
            return literal
        kept = self._kept.get(host)
        if kept is not None and kept[0] > self._now():
            return kept[1]
        address = await self._looked_up(host, deadline)
        self._kept[host] = (self._now() + KEPT_S, address)
        self._kept.move_to_end(host)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return address

    async def _looked_up(self, host: str, deadline: float) -> str:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline):
                found = await loop.run_in_executor(self._threads, _look_up, host)
        except TimeoutError as error:
            raise UnresolvedError(f"the name {host!r} was not resolved in time") from error
        except OSError as error:
            raise UnresolvedError(f"the name {host!r} cannot be resolved: {error.strerror or error}") from error
        except UnicodeError as error:
            raise UnresolvedError(f"the name {host!r} is no host name") from error
        return found

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@lru_cache(maxsize=20_000)
def _literal(host: str) -> str | None:
    try:
        return plainest(host)
    except ValueError:
        return None


def plainest(text: str) -> str:
    """Return the one way to write an address, so that no device is taken for two; ValueError when it is none.

    IPv4 mapped into IPv6 is IPv4, and only link-local addresses have a zone.

    >>> plainest("::ffff:10.0.0.1"), plainest("2001:DB8::1%2"), plainest("fe80::1%eth0")
    ('10.0.0.1', '2001:db8::1', 'fe80::1%eth0')
    """
    ip = ip_address(text)
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ip if ip.is_link_local else IPv6Address(int(ip)))


def _look_up(host: str) -> str:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return steadiest((int(family), sockaddr) for family, _, _, _, sockaddr in found)


def steadiest(found: Iterable[AddressInfo]) -> str:
    """Choose of several addresses: the family that the system prefers, and of it always the same one.

    A name whose addresses rotate would otherwise move from worker to worker.

    >>> steadiest([(2, ("10.0.0.9", 0)), (2, ("10.0.0.10", 0)), (10, ("::1", 0, 0, 0))])
    '10.0.0.9'
    """
    ordered = list(found)
    if not ordered:
        raise OSError("it has no address")
    family = ordered[0][0]
    addresses = (ip_address(str(sockaddr[0]).partition("%")[0]) for kind, sockaddr in ordered if kind == family)
    return plainest(str(min(addresses)))
