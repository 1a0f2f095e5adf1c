"""DISPLAY-HINT of an OCTET STRING: octets → text (RFC 2579 section 3.1)."""

import re

from msgspec import Struct

_SPEC = re.compile(r"(?:(\*)(\d+)([dxoat])([^\d*]?)([^\d*]?)|(\d+)([dxoat])([^\d*]?))", re.ASCII | re.DOTALL)
_MOST_NUMBER_BYTES = 8


class Spec(Struct, frozen=True):
    """One octet-format specification; `repeated` takes its count from the data."""

    repeated: bool
    size: int
    form: str
    separator: str
    terminator: str


Hint = tuple[Spec, ...]


def parse(text: str) -> Hint | None:
    """Return a hint compiled, or None for one that the RFC does not allow: such data is shown as hexadecimal.

    >>> len(parse("1x:") or ()), parse("nonsense")
    (1, None)
    """
    specs = []
    pos = 0
    while pos < len(text):
        match = _SPEC.match(text, pos)
        if match is None:
            return None
        specs.append(_spec(match))
        if specs[-1].size == 0 and not specs[-1].repeated:
            return None
        pos = match.end()
    return tuple(specs) or None


def render(hint: Hint, data: bytes) -> str | None:
    """Return the text that a hint makes of data, or None where it cannot.

    >>> render(parse("1x:"), bytes.fromhex("0050 56"))
    '00:50:56'
    >>> render(parse("2d-1d-1d,1d:1d:1d.1d"), bytes.fromhex("07e6030f0c1e0000"))
    '2022-3-15,12:30:0.0'
    """
    if not data:
        return None
    parts: list[str] = []
    pos = 0
    step = 0
    while pos < len(data):
        spec = hint[min(step, len(hint) - 1)]
        step += 1
        before = pos
        pos = _apply(spec, data, pos, parts)
        if pos < 0 or pos == before:
            return None
    return "".join(parts)


def _spec(match: re.Match[str]) -> Spec:
    if match[1]:
        return Spec(True, int(match[2]), match[3], match[4], match[5])
    return Spec(False, int(match[6]), match[7], match[8], "")


def _apply(spec: Spec, data: bytes, pos: int, parts: list[str]) -> int:
    """Append the text of one specification; return the next position, or -1 where a number is too long."""
    count = 1
    if spec.repeated:
        count = data[pos]
        pos += 1
    for turn in range(count):
        chunk = data[pos : pos + spec.size]
        if not chunk:
            break
        shown = _shown(spec.form, chunk)
        if shown is None:
            return -1
        pos += len(chunk)
        parts.append(shown)
        last_turn = turn == count - 1
        if spec.separator and pos < len(data) and not (last_turn and spec.terminator):
            parts.append(spec.separator)
    if spec.terminator and pos < len(data):
        parts.append(spec.terminator)
    return pos


def _shown(form: str, chunk: bytes) -> str | None:
    if form == "x":
        return chunk.hex().upper()
    if form in "at":
        return chunk.decode(errors="replace")
    if len(chunk) > _MOST_NUMBER_BYTES:
        return None
    number = int.from_bytes(chunk)
    return str(number) if form == "d" else f"{number:o}"
