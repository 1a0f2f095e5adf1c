"""Whether a client takes gzip, and gzip at the level that costs least for metrics text."""

import zlib

GZIP_LEVEL = 1  # on exposition text level 6 takes three times as long for a body a tenth smaller
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
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WBITS)
    return packer.compress(body) + packer.flush()
