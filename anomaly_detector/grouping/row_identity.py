"""A number for a series that another process finds as well: by it, what was remembered of a row finds its row again."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from anomaly_detector.series_table import Labels, Rows

FREE = 0  # a row without a series
BITS = 2**63 - 1


def identities(every: Sequence[Labels | None]) -> Rows:
    """Return the number of each series: the sum of the hashes of its pairs, each distinct one of which is hashed once.

    >>> identities([(("instance", "sw1"), ("job", "snmp")), None]).tolist()
    [6418387142166754353, 0]
    """
    of_pair: dict[tuple[str, str], int] = {}
    out = np.full(len(every), FREE, np.intp)
    for row, labels in enumerate(every):
        if labels is not None:
            for pair in labels:
                if pair not in of_pair:
                    of_pair[pair] = _hash(pair)
            out[row] = sum(map(of_pair.__getitem__, labels)) & BITS
    return out


def _hash(pair: tuple[str, str]) -> int:
    return int.from_bytes(blake2b("\0".join(pair).encode(), digest_size=8).digest(), "little")
