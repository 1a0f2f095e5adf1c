"""The short codes of incidents, and the names of the groups they belong to."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is mistaken on the phone or in handwriting: 0O 1IL
MAX_GROUP_BYTES = 1000  # it is part of an index, whose entries PostgreSQL limits to 2704 bytes
CODE_LENGTHS = (4, 4, 4, 5, 5, 6, 6, 6)  # 0.9 million codes of four; longer when those tried are taken


def new_code(random: Callable[[int], bytes], taken: Callable[[str], bool]) -> str:
    """Return a code that no incident has. The last resort is long enough never to be taken."""
    for length in CODE_LENGTHS:
        code = _code(random(length * 4))
        if not taken(code):
            return code
    return _code(random(16 * 4))


def new_codes(number: int, random: Callable[[int], bytes], taken: Callable[[Sequence[str]], set[str]]) -> list[str]:
    """Return codes that no incident has, all different; `taken` is asked about all at once, as long as that suffices.

    >>> len(set(new_codes(3, lambda n: bytes(n), lambda codes: set())))
    3
    """
    found: dict[str, None] = {}
    tried = [_code(random(CODE_LENGTHS[0] * 4)) for _ in range(number)]
    used = taken(tried) if tried else set()
    for code in tried:
        clear = code not in used and code not in found
        found[code if clear else new_code(random, lambda each: each in found or bool(taken([each])))] = None
    return list(found)


def _code(random: bytes) -> str:
    words = (random[start : start + 4] for start in range(0, len(random), 4))
    return "".join(ALPHABET[int.from_bytes(word) % len(ALPHABET)] for word in words)


def group_name(sender_group: str, labels: Mapping[str, str], group_by: Sequence[str]) -> str:
    """Return the name of the group an alert belongs to: its values of `group_by`, else what the sender says.

    A sender without groups gets one for each alert name. Of a name too long for an index the end becomes a hash.

    >>> group_name("{}:{}", {"site": "north", "instance": "sw1"}, ["site"])
    '["site=north"]'
    """
    if group_by:
        return fitting(json.dumps([f"{name}={labels.get(name, '')}" for name in group_by], ensure_ascii=False))
    return fitting(sender_group or json.dumps([f"alertname={labels.get('alertname', '')}"], ensure_ascii=False))


def fitting(name: str) -> str:
    """Return a name of a group as it fits into an index: of one too long the end becomes a hash."""
    data = name.encode()
    if len(data) <= MAX_GROUP_BYTES:
        return name
    digest = hashlib.sha256(data).hexdigest()
    return f"{data[: MAX_GROUP_BYTES - len(digest)].decode(errors='ignore')}{digest}"
