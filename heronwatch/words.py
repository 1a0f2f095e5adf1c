"""The words of messages: the nearest valid word, lists of words, articles."""

import difflib
import re
from collections.abc import Collection, Iterable

from heronwatch.faults import quoted

MOST_LISTED = 12
MOST_COMPARED = 2_000
LONGEST_COMPARED = 100

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_AN = re.compile(r"[aeioAEIO]|u(?!ni|se|ti|r[il])")


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of `words` that a person most likely meant by `word`, or None.

    >>> nearest("unit16", ["int16", "uint16", "float32"])
    'uint16'
    >>> nearest("zebra", ["int16", "uint16"]) is None
    True
    """
    if len(word) > LONGEST_COMPARED:
        return None
    candidates = [w for w in words if len(w) <= LONGEST_COMPARED][:MOST_COMPARED]
    by_folded = {w.casefold(): w for w in reversed(candidates)}
    matches = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def hint(word: str, words: Collection[str]) -> str:
    """Return the end of a message about a wrong word: the nearest word, else what there is to choose from.

    >>> hint("unit16", ["int16", "uint16"])
    " (did you mean 'uint16'?)"
    >>> hint("zebra", ["int16", "uint16"])
    " (known: 'int16', 'uint16')"
    >>> hint("zebra", [])
    ''
    """
    near = nearest(word, words)
    if near is not None:
        return f" (did you mean {quoted(near)}?)"
    return f" (known: {listing(words)})" if words else ""


def listing(words: Collection[str]) -> str:
    """Return words in quotes with commas; of many words only the first.

    >>> listing(["gauge", "counter"])
    "'gauge', 'counter'"
    """
    shown = [quoted(word) for word in list(words)[:MOST_LISTED]]
    more = len(words) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def either(parts: Iterable[str]) -> str:
    """Join descriptions by commas and a last 'or'.

    >>> either(["text", "a list", "nothing"])
    'text, a list or nothing'
    """
    unique = list(dict.fromkeys(parts))
    if len(unique) < 2:
        return "".join(unique)
    return f"{', '.join(unique[:-1])} or {unique[-1]}"


def noun(cls: type) -> str:
    """Return the words of a class name with an article: what a person calls its values.

    >>> class RegisterType: ...
    >>> noun(RegisterType)
    'a register type'
    """
    return with_article(" ".join(w if w.isupper() else w.lower() for w in _CAMEL.split(cls.__name__)))


def with_article(words: str) -> str:
    """Put 'a' or 'an' in front of words that have no article.

    >>> with_article("unit"), with_article("address"), with_article("a port")
    ('a unit', 'an address', 'a port')
    """
    if words.split(" ", maxsplit=1)[0] in {"a", "an", "the", "text", "one", "true"}:
        return words
    return f"{'an' if _AN.match(words) else 'a'} {words}"


def printable(text: str) -> str:
    r"""Return a text with what steers a terminal written out: what a device says is to be read, not obeyed.

    >>> print(printable("up\x1b[2J"))
    up\x1b[2J
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
