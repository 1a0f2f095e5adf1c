"""Where to listen: why it may be open, and what to tell where it cannot be."""

import contextlib
import errno
import socket
from collections.abc import Iterator, Sequence

from exporters.errors import CannotListenError
from exporters.loading import Setup
from exporters.options import ServeOptions
from heronwatch.values import HostPort

AS_THE_ORIGINAL = "an ordinary {protocol}.yml alone: open to whoever reaches the port, as its original exporter is"


def open_because(options: ServeOptions, setup: Setup, *, authenticates: bool) -> str:
    """Return why it may listen beyond loopback without a web config that authenticates, or "".

    An exporter that stands in for another by that one's own files and flags has no devices and no bound credentials
    to guard; unbound ones go to private addresses only.
    """
    if options.insecure:
        return "--web.insecure"
    if authenticates or not setup.stands_in_for:
        return ""
    return AS_THE_ORIGINAL.format(protocol=setup.stands_in_for)


@contextlib.contextmanager
def telling_where(places: Sequence[HostPort]) -> Iterator[None]:
    """Turn an OSError into a CannotListenError that names the address and says what to do."""
    try:
        yield
    except OSError as error:
        place = next((place for place in places if _refused(place)), None)
        raise CannotListenError(_message(error, place or places[0])) from error


def _refused(place: HostPort) -> bool:
    """Whether a place cannot be bound now."""
    try:
        found = socket.getaddrinfo(
            place.host or None, place.port or 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(address)
    except OSError:
        return True
    return False


def _message(error: OSError, place: HostPort) -> str:
    remedy = {
        errno.EADDRINUSE: f"another program has the port; 'ss -ltnp sport = :{place.port}' names it. Stop that one, or "
        "give another --web.listen-address",
        errno.EACCES: "ports below 1024 are for root; give a higher one by --web.listen-address",
        errno.EADDRNOTAVAIL: "the address is none of this machine's; give another --web.listen-address",
    }.get(error.errno or 0, f"{error.strerror or error}; see --web.listen-address")
    return f"cannot listen on {place}: {remedy}"
