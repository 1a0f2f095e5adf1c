"""Recordings of devices (`.snmprec`, also bzip2-compressed) → values in the order of their OIDs.

The form is snmpsim's: `OID|TAG|VALUE`, the tag in decimal with `x` where the value is hexadecimal
(https://docs.lextudio.com/snmpsim/documentation/simulation-data). Rows of variation modules (`2:numeric`) are left out.
"""

import bz2
import operator
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from exporters.snmp import ber, oid

_INTEGERS = frozenset({ber.INTEGER, ber.COUNTER32, ber.GAUGE32, ber.TIME_TICKS, ber.COUNTER64})


class Recording:
    """Values by OID. They are encoded when first asked for, so that a large file is ready at once."""

    def __init__(self, names: list[bytes], raw: Iterable[str], keys: list[bytes] | None = None) -> None:
        self.names = names
        self._raw: list[str | bytes] = list(raw)
        self._keys = [oid.order(name) for name in names] if keys is None else keys
        if not all(map(operator.lt, self._keys, islice(self._keys, 1, None))):
            self._sort()

    def _sort(self) -> None:
        """Sort by OID; of rows with one OID the first stays."""
        rows = sorted(zip(self._keys, range(len(self.names)), strict=True))
        places = [place for number, (key, place) in enumerate(rows) if not number or key != rows[number - 1][0]]
        self.names = [self.names[place] for place in places]
        self._raw = [self._raw[place] for place in places]
        self._keys = [self._keys[place] for place in places]

    def __len__(self) -> int:
        return len(self.names)

    def after(self, name: bytes) -> int:
        """Return the place of the first OID beyond `name`; `len()` at the end."""
        return bisect_right(self._keys, oid.order(name))

    def find(self, name: bytes) -> int | None:
        """Return the place of an OID, or None."""
        place = self.after(name) - 1
        return place if place >= 0 and self.names[place] == name else None

    def value(self, place: int) -> bytes:
        """Return a value as tag, length, content."""
        value = self._raw[place]
        if isinstance(value, str):
            value = self._raw[place] = encode_value(value)
        return value

    def put(self, name: bytes, value: bytes) -> None:
        """Add a value, or replace the one there is."""
        place = self.find(name)
        if place is not None:
            self._raw[place] = value
            return
        place = self.after(name)
        self.names.insert(place, name)
        self._raw.insert(place, value)
        self._keys.insert(place, oid.order(name))


_NUMBER = re.compile(r"\s*(?:[+-]?\d+)?\s*")  # some recordings leave a number out: it counts as 0
_INTEGER_WORDS = frozenset(map(str, _INTEGERS))


def load(path: Path) -> Recording:
    """Read a recording; raises OSError, or ValueError, which names the file, for text that is none."""
    try:
        with bz2.open(path, "rt", errors="replace") if path.suffix == ".bz2" else path.open(errors="replace") as lines:
            found = parse(lines)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not found.names:
        raise ValueError(f"{path}: no line says OID|TAG|VALUE: this is no recording (.snmprec)")
    return found


def parse(lines: Iterable[str]) -> Recording:
    """Read the lines of a recording; raises ValueError for one that is none.

    >>> recording = parse(["1.3.6.1.2.1.1.5.0|4|core-1", "1.3.6.1.2.1.1.3.0|67|100"])
    >>> [oid.text(name) for name in recording.names]
    ['1.3.6.1.2.1.1.3.0', '1.3.6.1.2.1.1.5.0']
    """
    tags: dict[str, bool] = {}
    heads: dict[str, tuple[bytes, bytes]] = {}
    arcs: dict[str, tuple[bytes, bytes]] = {}
    names: list[bytes] = []
    keys: list[bytes] = []
    raw: list[str] = []
    for number, line in enumerate(lines, start=1):
        name, _, rest = line.partition("|")
        tag, _, value = rest.partition("|")
        if tag not in tags:
            tags[tag] = tag.rstrip("x").isdecimal()
        if not tags[tag]:
            continue
        if tag in _INTEGER_WORDS and not _NUMBER.fullmatch(value):
            raise ValueError(f"line {number}: {value.strip()!r} is no number")
        head, _, last = name.rpartition(".")
        before = heads.get(head) or _kept(heads, head, oid.encode)
        arc = arcs.get(last) or _kept(arcs, last, _arc)
        names.append(before[0] + arc[0])
        keys.append(before[1] + arc[1])
        raw.append(rest)
    return Recording(names, raw, keys)


def _kept(found: dict[str, tuple[bytes, bytes]], text: str, encode: Callable[[str], bytes]) -> tuple[bytes, bytes]:
    """Encode a part of an OID, which many rows share; remembers content and key, which are joined part by part."""
    content = encode(text)
    found[text] = (content, oid.order(content))
    return found[text]


def _arc(text: str) -> bytes:
    return oid.encode_arcs((int(text),))


def encode_value(raw: str) -> bytes:
    """Return the `TAG|VALUE` of a row as tag, length, content.

    >>> encode_value("4x|00ff").hex(), encode_value("65|128").hex()
    ('040200ff', '41020080')
    """
    tag_text, _, value = raw.rstrip("\r\n").partition("|")
    tag = int(tag_text.rstrip("x"))
    if tag_text.endswith("x"):
        return ber.tlv(tag, _hexadecimal(value))
    if tag in _INTEGERS:
        return ber.integer(int(value or 0), tag)
    if tag == ber.OBJECT_IDENTIFIER:
        return ber.tlv(tag, oid.encode(value) if value.strip(".").count(".") else b"\0")
    if tag == ber.IP_ADDRESS:
        return ber.tlv(tag, _address(value))
    return ber.tlv(tag, b"" if tag == ber.NULL else value.encode(errors="replace"))


def _hexadecimal(value: str) -> bytes:
    """Return octets; a few recordings have text where they promise hexadecimal digits."""
    try:
        return bytes.fromhex(value)
    except ValueError:
        return value.encode(errors="replace")


def _address(value: str) -> bytes:
    parts = value.split(".")
    if len(parts) == 4 and all(part.isdecimal() and int(part) < 256 for part in parts):
        return bytes(map(int, parts))
    return value.encode("latin-1", errors="replace")
