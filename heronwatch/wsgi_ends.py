"""What is left of a body that is larger than the server holds: its two ends, while the rest is read and dropped.

A sender that gets its refusal before it has sent everything may never read it; and where the application knows another
way to learn what the body said, the ends tell it what to ask for.
"""

from collections.abc import Iterable

from msgspec import Struct

from heronwatch.wsgi_room import Held

BODY_ENDS = "heronwatch.body_ends"  # in the WSGI environ: the BodyEnds; `wsgi.input` is empty then
BODY_UNREAD = "heronwatch.body_unread"  # in the WSGI environ: whether the body was left where it is
FIRST_BYTES = 16_384
LAST_BYTES = 262_144


class BodyEnds(Struct, frozen=True):
    """The first and the last bytes of a body of `length` bytes."""

    first: bytes
    last: bytes
    length: int


def ends_of(body: bytes) -> BodyEnds:
    """Return the ends of a body that is here as a whole."""
    return BodyEnds(body[:FIRST_BYTES], body[-LAST_BYTES:], len(body))


def whole_or_ends(pieces: Iterable[bytes], most: int, held: Held) -> bytes | BodyEnds:
    """Return a body of up to `most` bytes, of a larger one the ends; what was held of that is given back.

    BadRequestError (503) where there is no room for it.
    """
    body, length = bytearray(), 0
    first = b""
    for piece in pieces:
        length += len(piece)
        body += piece
        if length <= most:
            held.more(len(piece))
            continue
        if not first:
            first = bytes(body[:FIRST_BYTES])
            held.release()
        del body[:-LAST_BYTES]
    return BodyEnds(first, bytes(body), length) if first else bytes(body)
