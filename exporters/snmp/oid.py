"""Object identifiers stay in their BER content form: bytes that are prefixes, dictionary keys and packet parts at once.

A prefix in arcs is a prefix in bytes, since an arc never ends inside another's bytes (X.690 section 8.19).
"""

import re
from collections.abc import Iterable

MOST_ARC = 2**32 - 1  # RFC 2578 section 3.5
MOST_ARCS = 128  # RFC 2578 section 3.5

_TEXT = re.compile(r"\.?(\d+(?:\.\d+)+)", re.ASCII)
_LONG_ARC = re.compile(rb"[\x80-\xff]+[\x00-\x7f]")


def encode(text: str) -> bytes:
    """Return the BER content of a dotted OID; raises ValueError with a message for the person who wrote it.

    >>> encode("1.3.6.1.2.1").hex()
    '2b06010201'
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no OID in numbers, such as 1.3.6.1.2.1.2")
    arcs = [int(arc) for arc in match[1].split(".")]
    if len(arcs) > MOST_ARCS or max(arcs) > MOST_ARC:
        raise ValueError(f"{text!r} is no OID: at most {MOST_ARCS} arcs, each at most {MOST_ARC}")
    first, second, *rest = arcs
    if first > 2 or (first < 2 and second > 39):
        raise ValueError(f"{text!r} is no OID: it begins with 0, 1 or 2, and its second arc is below 40")
    return encode_arcs([first * 40 + second, *rest])


def encode_arcs(arcs: Iterable[int]) -> bytes:
    """Return arcs as BER sub-identifiers, most significant seven bits first.

    >>> encode_arcs([1, 128, 16384]).hex()
    '018100818000'
    """
    return b"".join([_ONE_BYTE[arc] if arc < 128 else _long_arc(arc) for arc in arcs])


def decode_arcs(content: bytes) -> tuple[int, ...]:
    """Return the arcs in BER sub-identifiers; an arc that is cut off at the end is dropped.

    Of an arc beyond 32 bits, which RFC 2578 does not allow, the lowest 32 count: hostile ones would have no end.
    """
    if content.isascii():
        return tuple(content)
    arcs = []
    arc = 0
    for byte in content:
        arc = (arc << 7) & MOST_ARC | (byte & 0x7F)
        if byte < 0x80:
            arcs.append(arc)
            arc = 0
    return tuple(arcs)


def text(content: bytes) -> str:
    """Return an OID in dotted form, without a leading dot.

    >>> text(encode("1.3.6.1.4.1.9"))
    '1.3.6.1.4.1.9'
    """
    arcs = decode_arcs(content)
    if not arcs:
        return ""
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def order(content: bytes) -> bytes:
    """Return a key that sorts like the OID's arcs, which the bytes themselves do not.

    Sub-identifiers of one length sort by their bytes; a longer one is larger, so its length goes first.

    >>> encode_arcs([16384]) < encode_arcs([16383]), order(encode_arcs([16384])) < order(encode_arcs([16383]))
    (True, False)
    """
    if content.isascii():
        return content
    return _LONG_ARC.sub(_with_length, content)


def _with_length(match: re.Match[bytes]) -> bytes:
    return bytes((0x80 + min(len(match[0]), 0x7F),)) + match[0]


def _long_arc(arc: int) -> bytes:
    septets = [arc & 0x7F]
    while arc := arc >> 7:
        septets.append(arc & 0x7F | 0x80)
    return bytes(reversed(septets))


_ONE_BYTE = tuple(bytes((arc,)) for arc in range(128))
