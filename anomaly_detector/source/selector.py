r"""Plain instant selectors, `name{label="value",...}`, as what remote read can ask for. No I/O."""

import json
import re

import msgspec

NAME = r"[A-Za-z_:][A-Za-z0-9_:]*"
_SELECTOR = re.compile(rf"\s*({NAME})?\s*(?:\{{(.*)\}})?\s*", re.DOTALL)
_PAIR = re.compile(
    r"""\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\\n]|\\["\\nrt/])*"|'[^'\\"\n]*'|`[^`"\\]*`)\s*(?:,|$)"""
)


class Matcher(msgspec.Struct, frozen=True):
    """One condition on a label; `kind` is `=`, `!=`, `=~` or `!~`."""

    kind: str
    name: str
    value: str


def plain_selector(expr: str) -> tuple[Matcher, ...] | None:
    """Return the conditions of a plain selector; None for everything else, and for spellings we do not read.

    >>> plain_selector('up{job="snmp"}')
    (Matcher(kind='=', name='__name__', value='up'), Matcher(kind='=', name='job', value='snmp'))
    >>> plain_selector('rate(up[5m])')
    """
    found = _SELECTOR.fullmatch(expr)
    if found is None or not (found[1] or found[2]):
        return None
    out = [Matcher("=", "__name__", found[1])] if found[1] else []
    inside, at = (found[2] or "").strip(), 0
    while at < len(inside):
        pair = _PAIR.match(inside, at)
        if pair is None:
            return None
        out.append(Matcher(pair[2], pair[1], _unquoted(pair[3])))
        at = pair.end()
    return tuple(out)


def _unquoted(text: str) -> str:
    return str(json.loads(text)) if text.startswith('"') else text[1:-1]
