"""What to tell a person when an address cannot be listened on."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_REASONS = {
    errno.EADDRINUSE: "is in use by another process: choose another --web.listen-address",
    errno.EADDRNOTAVAIL: "is not an address of this machine: choose another --web.listen-address",
    errno.EACCES: "may not be used by this user (ports below 1024): choose another --web.listen-address",
}


class CannotListenError(OSError):
    """An address cannot be listened on; `errno` is that of the system, the message is for a person."""

    def __str__(self) -> str:
        return str(self.strerror)


def cannot_listen(error: OSError, place: object) -> CannotListenError:
    """Return the error that tells why a place cannot be listened on.

    >>> str(cannot_listen(OSError(errno.EADDRINUSE, "Address already in use"), "127.0.0.1:9810"))
    '127.0.0.1:9810 is in use by another process: choose another --web.listen-address'
    """
    number = error.errno or 0
    return CannotListenError(number, f"{place} {_REASONS.get(number, f'cannot be listened on: {error}')}")


@contextmanager
def telling_why(place: object, causes: Iterable[OSError] = ()) -> Iterator[None]:
    """Turn an OSError into one that names the place; the first of `causes`, where there are any, is the real one."""
    try:
        yield
    except OSError as error:
        raise cannot_listen(next(iter(causes), error), place) from error
