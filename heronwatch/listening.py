"""What to tell a person when an address cannot be listened on."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_REASONS = {
    errno.EADDRINUSE: "another program has the port; 'ss -ltnp' names it. Stop that one, or give another "
    "--web.listen-address",
    errno.EADDRNOTAVAIL: "the address is none of this machine's; give another --web.listen-address",
    errno.EACCES: "ports below 1024 are for root; give a higher one by --web.listen-address",
}


class CannotListenError(OSError):
    """An address cannot be listened on; `errno` is that of the system, the message is for a person."""

    def __str__(self) -> str:
        return str(self.strerror)


def cannot_listen(error: OSError, place: object) -> CannotListenError:
    """Return the error that tells why a place cannot be listened on.

    >>> str(cannot_listen(OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), "192.0.2.1:9810"))
    "cannot listen on 192.0.2.1:9810: the address is none of this machine's; give another --web.listen-address"
    """
    number = error.errno or 0
    return CannotListenError(number, f"cannot listen on {place}: {_REASONS.get(number, str(error))}")


@contextmanager
def telling_why(place: object, causes: Iterable[OSError] = ()) -> Iterator[None]:
    """Turn an OSError into one that names the place; the first of `causes`, where there are any, is the real one."""
    try:
        yield
    except OSError as error:
        raise cannot_listen(next(iter(causes), error), place) from error
