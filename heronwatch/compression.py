"""Whether a client takes gzip, and gzip at the level that costs least for metrics text.

With `isal` installed (docs/decisions/0007-gzip-isal.md) it takes a third of the time for a body of about the same size.
"""

import zlib
from functools import cache
from typing import Any

ZLIB_LEVEL = 1  # on exposition text level 6 takes three times as long for a body a tenth smaller
ISAL_LEVEL = 2  # 0 packs a third worse in the same time; 3 packs a little better in three times the time
ZLIB_BYTES_PER_S = 160e6
ISAL_BYTES_PER_S = 650e6  # one core of 2.5 GHz; the slower of a small and a large body
GZIP_WBITS = 16 + zlib.MAX_WBITS  # zlib's way of asking for a gzip header: zlib manual, deflateInit2
SMALLEST_WORTH_BYTES = 1_024  # below one network packet, compressing saves nothing


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip (RFC 9110 section 12.5.3).

    >>> accepts_gzip("deflate, gzip;q=0.5"), accepts_gzip("gzip;q=0"), accepts_gzip("")
    (True, False, False)
    """
    if accept_encoding == "gzip":
        return True
    weights = dict(_weighted(part) for part in accept_encoding.split(","))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weighted(part: str) -> tuple[str, float]:
    coding, _, parameter = part.partition(";")
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return coding.strip().lower(), 1.0
    try:
        return coding.strip().lower(), float(value)
    except ValueError:
        return coding.strip().lower(), 0.0


def gzip_bytes(body: bytes) -> bytes:
    """The body as one gzip member without a time stamp, so that equal bodies give equal bytes."""
    library, level = _library()
    packer = library.compressobj(level, zlib.DEFLATED, GZIP_WBITS)
    return bytes(packer.compress(body) + packer.flush())


def gzip_seconds(size: int) -> float:
    """About how long packing so many bytes takes."""
    return size / (ZLIB_BYTES_PER_S if _library()[0] is zlib else ISAL_BYTES_PER_S)


@cache
def _library() -> tuple[Any, int]:
    """What packs, with its level: modules of one interface."""
    try:
        from isal import isal_zlib  # noqa: PLC0415  # optional
    except ImportError:
        return zlib, ZLIB_LEVEL
    return isal_zlib, ISAL_LEVEL
