"""Any JSON body, by the mapping of its integration: which value is which label, which status means that it ended."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from alert_webhook.errors import BadBodyError
from alert_webhook.intake.blocks import MappingBlock
from alert_webhook.intake.single import (
    BadAlertError,
    clean,
    clean_pairs,
    rejected,
    time_of,
    update_from,
    within_reach,
)
from alert_webhook.intake.timestamp import NANOSECONDS
from alert_webhook.intake.update import AlertUpdate, Delivery, Rejected, Status

MAX_BYTES = 4 << 20  # it is read as a whole, which takes some ten times its size
MAX_ALERTS = 10_000
MILLISECONDS_FROM = 1e11  # as seconds, that would be the year 5138
MAX_URL_CHARACTERS = 2000
MOST_MILLISECONDS = 1e15  # more is no time: the year 33658, infinity, no number


def decode(body: bytes, mapping: MappingBlock) -> Iterator[Delivery]:
    """Return the body's alerts; `BadBodyError` when it is no JSON, too large, or the alerts are not where they should.

    >>> mapping = MappingBlock(labels={"alertname": "check", "instance": "host.name"}, status="state")
    >>> (delivery,) = decode(b'{"check": "disk", "host": {"name": "db1"}, "state": "OK"}', mapping)
    >>> delivery.updates[0].labels, delivery.updates[0].status.value
    ({'alertname': 'disk', 'instance': 'db1'}, 'resolved')
    """
    if len(body) > MAX_BYTES:
        raise BadBodyError("too_large", f"a body of this type has at most {MAX_BYTES} bytes")
    try:
        whole = msgspec.json.decode(body)
    except (ValueError, RecursionError) as exc:
        raise BadBodyError("not_json", f"not JSON: {exc}") from exc
    found = reach(whole, mapping.alerts)
    alerts = found if isinstance(found, list) else [found]
    if not isinstance(found, list | dict) or len(alerts) > MAX_ALERTS:
        raise BadBodyError("no_alerts", f"no list of at most {MAX_ALERTS} alerts at {mapping.alerts or 'the top'!r}")
    yield _delivery(alerts, clean(text_of(reach(whole, mapping.group)) if mapping.group else ""), mapping)


def reach(value: Any, path: str) -> Any:
    """Return what stands at a path of names and indices, None for nothing.

    >>> reach({"a": [{"b": 1}]}, "a.0.b")
    1
    """
    for part in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def text_of(value: Any) -> str:
    """Return a value as a label has it.

    >>> [text_of(value) for value in ("up", 3, True, None, {"a": 1})]
    ['up', '3', 'true', '', '{"a":1}']
    """
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _delivery(alerts: list[Any], group: str, mapping: MappingBlock) -> Delivery:
    updates: list[AlertUpdate] = []
    refused: list[Rejected] = []
    for alert in alerts:
        try:
            updates.append(_update(alert, mapping))
        except BadAlertError as exc:
            refused.append(rejected(exc, msgspec.json.encode(alert)))
    return Delivery(group=group, updates=tuple(updates), rejected=tuple(refused))


def _update(alert: Any, mapping: MappingBlock) -> AlertUpdate:
    if not isinstance(alert, dict):
        raise BadAlertError("malformed", "an alert is no JSON object")
    labels = {**mapping.constant_labels, **_pairs(alert, mapping.labels)}
    if not labels.get("alertname"):
        raise BadAlertError("no_labels", f"nothing at {mapping.labels.get('alertname', '')!r}, its alertname")
    status = text_of(reach(alert, mapping.status)).lower() if mapping.status else ""
    return update_from(
        Status.RESOLVED if status in {each.lower() for each in mapping.resolved} else Status.FIRING,
        labels,
        _pairs(alert, mapping.annotations),
        starts_at_ns=_time(reach(alert, mapping.starts_at)) if mapping.starts_at else None,
        ends_at_ns=_time(reach(alert, mapping.ends_at)) if mapping.ends_at else None,
        url=clean(text_of(reach(alert, mapping.url)))[:MAX_URL_CHARACTERS] if mapping.url else "",
    )


def _pairs(alert: Any, paths: dict[str, str]) -> dict[str, str]:
    found = {name: text_of(reach(alert, path)) for name, path in paths.items()}
    return clean_pairs({name: text for name, text in found.items() if text})


def _time(value: Any) -> int | None:
    """Return the time of RFC 3339, or of Unix seconds or milliseconds, as a number or a text."""
    if value is None or value == "":
        return None
    number = _number(value)
    if number is None or not abs(number) < MOST_MILLISECONDS:
        return time_of(text_of(value))
    seconds = number / 1000 if number >= MILLISECONDS_FROM else number
    return within_reach(int(seconds * NANOSECONDS), text_of(value))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
