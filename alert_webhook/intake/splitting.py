"""Where the members of a JSON object and the elements of a list stand, without reading what is in them.

For a body that a strict reader refuses because of one value in it (a broken UTF-8 sequence, half a surrogate pair,
NaN): cut into pieces, only that piece is lost. Nothing is copied, and nothing nested deep is built.
"""

import json
import re
from collections.abc import Iterator

TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},"]', re.DOTALL)
OPENING, CLOSING = b"{[", b"}]"
MEMBER = re.compile(rb'\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*', re.DOTALL)
Span = tuple[int, int]


def members(body: bytes) -> dict[str, Span]:
    """Return where the value of each member of an object stands; the last of equal names. ValueError for no object."""
    found: dict[str, Span] = {}
    for start, end in _parts(body, (0, len(body)), b"{"):
        match = MEMBER.match(body, start, end)
        if match is None:
            raise ValueError("a member of the object has no name")
        found[str(json.loads(match[1].decode("utf-8", "replace")))] = (match.end(), end)
    return found


def elements(body: bytes, span: Span) -> Iterator[Span]:
    """Yield where the elements of the list at `span` stand; ValueError for no list, or one that does not end."""
    return _parts(body, span, b"[")


def _parts(body: bytes, span: Span, opening: bytes) -> Iterator[Span]:
    """Yield what the commas of one object or list separate."""
    depth, begun, ended = 0, 0, False
    for match in TOKEN.finditer(body, *span):
        token = match[0]
        if token == b'"' or ended or (depth == 0 and (token != opening or body[span[0] : match.start()].strip())):
            raise ValueError("something stands where it may not")
        if token in (b"{", b"["):
            depth += 1
            begun = match.end() if depth == 1 else begun
        elif token in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                ended = True
                last = body[begun : match.start()].strip()
                if last:
                    yield begun, match.start()
                rest = match.end()
        elif token == b"," and depth == 1:
            yield begun, match.start()
            begun = match.end()
    if not ended or body[rest : span[1]].strip():
        raise ValueError("it does not end where it should")
