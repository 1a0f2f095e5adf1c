"""Which worker owns a target: a stable hash of the endpoint, so that a device never sees two sessions."""

from hashlib import blake2b


def endpoint(address: str, port: int) -> str:
    """Name an endpoint.

    >>> endpoint("10.0.0.1", 161), endpoint("::1", 161)
    ('10.0.0.1:161', '[::1]:161')
    """
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def owner(key: str, workers: int) -> int:
    """Return the index of the worker that owns an endpoint, or a feed by its name.

    >>> owner("10.0.0.1:161", 1)
    0
    >>> owner("10.0.0.1:161", 4) == owner("10.0.0.1:161", 4)
    True
    """
    if workers == 1:
        return 0
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) % workers
