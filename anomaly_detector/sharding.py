"""Which series of a query belong to which of several detectors: by the highest of their hashes. No I/O.

Rendezvous hashing (Thaler and Ravishankar, 1998): every shard has a hash with every series, and the highest wins. With
one shard more, only what the new one wins moves, 1/(N+1) of all; nothing moves between the others.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.endpoint import Faults, Struct
from anomaly_detector.models.model import Mask
from anomaly_detector.sink.wire import encode_labels

Hashes = npt.NDArray[np.uint64]
OURS = frozenset({"__name__", "for", "model_alias", "page"})
MOVED = "exported_"  # how a label of the input is called where it is in our way


class Shard(Struct, frozen=True, kw_only=True):
    """This detector is `number` (0 to `count` - 1) of `count`; series that agree in the labels `by` stay together."""

    count: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    number: Annotated[int, msgspec.Meta(ge=0)]
    by: tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")], ...] = ()

    def config_faults(self) -> Faults:
        """It is one of them."""
        if self.number >= self.count:
            yield "number", f"{self.number} is none of 0 to {self.count - 1}"


def series_hash(labels: Mapping[str, str]) -> int:
    """Return 64 bits of a label set, the same for a series and for what we write about it, in every process.

    >>> series_hash({"n": "1"}) == series_hash({"n": "1", "for": "cpu", "model_alias": "m", "__name__": "up"})
    True
    """
    own = ((k, v) for k, v in labels.items() if k not in OURS and not k.startswith(MOVED) and v)
    return int.from_bytes(hashlib.blake2b(encode_labels(own), digest_size=8).digest(), "little")


def belongs(hashes: Hashes, *, count: int, number: int) -> Mask:
    """Return which series are those of a shard.

    >>> belongs(np.arange(3, dtype=np.uint64), count=1, number=0).tolist()
    [True, True, True]
    """
    best, winner = np.zeros(len(hashes), np.uint64), np.zeros(len(hashes), np.intp)
    for shard in range(count):
        seed = _mixed(np.array([shard + 1], np.uint64))
        height = _mixed(hashes ^ seed)
        higher = height > best
        best, winner = np.where(higher, height, best), np.where(higher, shard, winner)
    return np.asarray(winner == number, np.bool_)


def _mixed(numbers: Hashes) -> Hashes:
    """Return splitmix64's finaliser (Steele, Lea and Flood, 2014), which spreads every bit over all."""
    out = numbers + np.uint64(0x9E3779B97F4A7C15)
    out = (out ^ (out >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    out = (out ^ (out >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(out ^ (out >> np.uint64(31)), np.uint64)
