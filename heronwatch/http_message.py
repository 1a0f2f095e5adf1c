"""A request and a response as plain values: what a handler sees, whichever server carries it."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from heronwatch.guards import Peer

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
HTML = "text/html; charset=utf-8"
MOST_QUERY_FIELDS = 200
_UNSAFE_IN_HEADERS = ("\r", "\n", "\0")
_json_encoder = msgspec.json.Encoder()


class QueryError(ValueError):
    """The URL's parameters cannot be read; the servers answer it with a 400."""


class Query(Mapping[str, str]):
    """The parameters of a URL: as a mapping, the first value of each name.

    >>> q = Query("target=10.0.0.1&module=if_mib&module=system")
    >>> q["target"], q.getall("module"), q.get("auth", "public_v2")
    ('10.0.0.1', ['if_mib', 'system'], 'public_v2')
    """

    __slots__ = ("_values",)

    def __init__(self, text: str = "") -> None:
        """Parse; QueryError for more than MOST_QUERY_FIELDS parameters."""
        self._values: dict[str, list[str]] = {}
        for name, value in _pairs(text):
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def getall(self, name: str) -> list[str]:
        """Every value of a name in order, [] when it is absent."""
        return list(self._values.get(name, ()))


def _pairs(text: str) -> list[tuple[str, str]]:
    if not text:
        return []
    if text.count("&") >= MOST_QUERY_FIELDS:
        raise QueryError(f"the URL has more than {MOST_QUERY_FIELDS} parameters")
    if not text.isascii():  # bytes that should have been percent-encoded
        text = text.encode("utf-8", "replace").decode()
    if "%" in text or "+" in text:
        return parse_qsl(text, keep_blank_values=True)
    fields = [field.partition("=") for field in text.split("&") if field]
    return [(name, value) for name, _, value in fields]


class Request:
    """What a handler is given; headers are looked up without regard to case."""

    __slots__ = ("_query", "body", "headers", "method", "params", "path", "query_string", "remote", "scheme")

    def __init__(
        self,
        method: str,
        path: str,
        *,
        query_string: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        remote: str = "",
        scheme: str = "http",
        params: Mapping[str, str] | None = None,
    ) -> None:
        self.method = method
        self.path = path  # percent-decoded
        self.query_string = query_string  # as sent
        self.headers: Mapping[str, str] = headers if headers is not None else {}
        self.body = body
        self.remote = remote  # the peer's address, "" for a Unix socket
        self.scheme = scheme  # "http" or "https", of this connection
        self.params: Mapping[str, str] = params if params is not None else {}  # {name} parts of the route
        self._query: Query | None = None

    @property
    def query(self) -> Query:
        """The URL's parameters, parsed when first asked for; QueryError for too many."""
        if self._query is None:
            self._query = Query(self.query_string)
        return self._query

    @property
    def peer(self) -> Peer:
        """Who asks, as the guards see it."""
        return Peer.of(self.remote, self.headers)

    def json(self) -> Any:  # whatever the client sent
        """The body decoded as JSON; msgspec.DecodeError (a ValueError) for anything else."""
        return msgspec.json.decode(self.body)


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler returns. A header that could split the response is a ValueError here."""

    status: int = 200
    body: bytes = b""
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()
    compressible: bool = True  # gzip when the client asks and the body is large enough

    def __post_init__(self) -> None:
        for name, value in self.headers:
            check_header(name, value)
        if any(mark in self.content_type for mark in _UNSAFE_IN_HEADERS):
            raise ValueError(f"content type {self.content_type!r} contains a control character")


def check_header(name: str, value: str) -> None:
    """ValueError when the pair could end its header line early (RFC 9110 section 5.5)."""
    if not name or any(mark in name for mark in (*_UNSAFE_IN_HEADERS, " ", ":")):
        raise ValueError(f"{name!r} is not a header name")
    if any(mark in value for mark in _UNSAFE_IN_HEADERS):
        raise ValueError(f"the value of header {name} contains a control character")


def text_response(message: str, *, status: int = 200) -> Response:
    """Plain text; a line end is added."""
    return Response(status=status, body=f"{message}\n".encode())


def json_response(value: object, *, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(status=status, body=_json_encoder.encode(value), content_type=JSON)


def status_line(status: int) -> str:
    """`404 Not Found`, as WSGI wants it.

    >>> status_line(404)
    '404 Not Found'
    """
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Status"
