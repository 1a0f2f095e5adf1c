"""Request headers for the WSGI server, read strictly: what two programs could understand differently is refused."""

import string
from typing import Any

from cheroot import server as cheroot_server

_TOKEN = frozenset((string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode())  # RFC 9110 section 5.6.2
_ONCE = frozenset({b"Content-Length", b"Transfer-Encoding", b"Host", b"Authorization"})


class StrictHeaderReader(cheroot_server.HeaderReader):
    """Refuses what two programs could read differently: folded lines, odd names, lengths given twice."""

    def __init__(self, most: int) -> None:
        self._most = most

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        """Headers by their title-cased names; ValueError becomes a 400."""
        found: dict[bytes, bytes] = {} if hdict is None else hdict
        for _ in range(self._most + 1):
            line = rfile.readline()
            if line == b"\r\n":
                return found
            name, value = _header(line)
            if name in found and name in _ONCE:
                raise ValueError(f"{name.decode()} is given twice")
            if b"_" not in name:  # HTTP_X_Y in the environ could be X_Y or X-Y
                found[name] = b", ".join(filter(None, (found.get(name), value)))
        raise ValueError("too many headers")


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not line.endswith(b"\r\n") or not colon or not name or not _TOKEN.issuperset(name):
        raise ValueError("malformed header line")
    value = value.strip(b" \t\r\n")
    if b"\r" in value or b"\0" in value:
        raise ValueError("control character in a header")
    return name.title(), value
