"""What people write to ask who would be paged: labels and a time. Pure."""

import json
import re
from datetime import datetime

from alert_webhook.oncall.wall import Zone
from heronwatch.faults import quoted

_PAIR = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",{}=~][^\s",{}]*))\s*(?:,|$)')
_ESCAPED = {"n": "\n", '"': '"', "\\": "\\"}


def parse_labels(text: str) -> dict[str, str]:
    """Return the labels that a text means, as PromQL or JSON writes them; ValueError says what is wrong.

    >>> parse_labels('{alertname="LinkDown", severity=critical}')
    {'alertname': 'LinkDown', 'severity': 'critical'}
    >>> parse_labels('{"site": "north"}')
    {'site': 'north'}
    """
    stripped = text.strip()
    if re.match(r'\{\s*"', stripped):
        return _from_json(stripped)
    inner = stripped.removeprefix("{").removesuffix("}").strip()
    labels: dict[str, str] = {}
    at = 0
    while at < len(inner):
        match = _PAIR.match(inner, at)
        if match is None:
            raise ValueError(
                f'{quoted(inner[at : at + 40])} is not a label (alertname="LinkDown", severity="critical")'
            )
        labels[match[1]] = _unescaped(match[2]) if match[2] is not None else match[3]
        at = match.end()
    return labels


def parse_time(text: str, *, zone: Zone | None, now: float) -> float:
    """Return the Unix time that a text means: ISO 8601 with its offset, or on the wall of `zone`; "" is `now`."""
    if not text:
        return now
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{quoted(text)} is not a time (2026-12-24T03:00+01:00)") from error
    if found.tzinfo is not None:
        return found.timestamp()
    if zone is None:
        raise ValueError(f"{quoted(text)} is whose time? Write {text}Z, {text}+01:00, or add --time-zone Europe/Madrid")
    return zone.instant(found)


def _from_json(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("labels in JSON are one object whose values are texts")
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPED.get(match[1], match[0]), text)
