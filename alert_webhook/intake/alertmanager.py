"""Alertmanager's webhook body, version 4 (0.19 to 0.34), decoded alert by alert.

The envelope is read first and each alert on its own, so that one bad alert costs itself and no other. Fields we do not
know are skipped; nothing deeper than the fields named here is ever built. Alerts are read some at a time: between the
bytes of a large body and its transactions there are never more than `PIECE` of them.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from alert_webhook.errors import BadBodyError
from alert_webhook.intake.single import BadAlertError, Cleaner, clean, clean_pairs, cleaner_for, rejected, update_of
from alert_webhook.intake.splitting import elements, members
from alert_webhook.intake.update import AlertUpdate, Delivery, Rejected

VERSION = "4"
PIECE = 1000  # alerts in one transaction: some 100 ms


class Envelope(Struct, rename="camel", kw_only=True):
    """The outer object; only what we use."""

    version: str = ""
    receiver: str = ""
    group_key: str = ""
    group_labels: Raw = Raw(b"{}")
    common_labels: Raw = Raw(b"{}")
    external_url: str = field(default="", name="externalURL")
    truncated_alerts: int = 0
    alerts: list[Raw]


Reader = Callable[[Raw, Cleaner], AlertUpdate]
_ENVELOPE = msgspec.json.Decoder(Envelope)
_LABELS = msgspec.json.Decoder(dict[str, str])


def decode(body: bytes) -> Iterator[Delivery]:
    """Return the body's alerts in pieces, at least one; `BadBodyError` when it is no version 4 body as a whole."""
    return pieces(envelope_of(body, VERSION, "an Alertmanager body"), body)


def envelope_of(body: bytes, version: str, what: str) -> Envelope:
    """Return the outer object of `what`; `BadBodyError` when it is none of this version."""
    try:
        envelope = _envelope(body)
    except msgspec.ValidationError as exc:
        raise BadBodyError(f"not_version_{version}", f"not {what}: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise BadBodyError("not_json", f"not JSON: {exc}") from exc
    if envelope.version != version:
        found = f"{envelope.version[:16]!r}" if envelope.version else "none"
        raise BadBodyError(f"not_version_{version}", f'expected {what} with "version": "{version}", found {found}')
    return envelope


def pieces(envelope: Envelope, body: bytes, *, read: Reader = update_of) -> Iterator[Delivery]:
    """Yield the alerts of an envelope, some at a time; `read` reads one."""
    cleaned = cleaner_for(body)
    whole = outside_of(envelope)
    if len(envelope.alerts) <= PIECE:
        whole = msgspec.structs.replace(whole, shared_labels=None)
    for start in range(0, max(len(envelope.alerts), 1), PIECE):
        updates: list[AlertUpdate] = []
        refused: list[Rejected] = []
        for raw in envelope.alerts[start : start + PIECE]:
            try:
                updates.append(read(raw, cleaned))
            except BadAlertError as exc:
                refused.append(rejected(exc, memoryview(raw)))
        yield msgspec.structs.replace(whole, updates=tuple(updates), rejected=tuple(refused))


def outside_of(envelope: Envelope) -> Delivery:
    """Return what an envelope says besides its alerts, as each of several pieces says it."""
    return Delivery(
        group=clean(envelope.group_key),
        group_labels=_pairs(envelope.group_labels),
        source_url=clean(envelope.external_url),
        receiver=clean(envelope.receiver),
        truncated=max(envelope.truncated_alerts, 0),
        shared_labels=_pairs(envelope.common_labels),
    )


def _envelope(body: bytes) -> Envelope:
    try:
        return _ENVELOPE.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _piecewise(body)


def _piecewise(body: bytes) -> Envelope:
    """Return the envelope of a body that only as a whole is no JSON: some value in it is to blame."""
    found = members(body)
    if "alerts" not in found:
        raise ValueError("no object with a list of alerts")
    view = memoryview(body)
    alerts = [Raw(view[start:end]) for start, end in elements(body, found.pop("alerts"))]
    outside = {name: body[slice(*span)] for name, span in found.items()}
    return Envelope(
        version=_text(outside.get("version")),
        receiver=_text(outside.get("receiver")),
        group_key=_text(outside.get("groupKey")),
        group_labels=Raw(outside.get("groupLabels", b"{}")),
        common_labels=Raw(outside.get("commonLabels", b"{}")),
        external_url=_text(outside.get("externalURL")),
        truncated_alerts=_number(outside.get("truncatedAlerts")),
        alerts=alerts,
    )


def _lenient(raw: bytes | None) -> Any:
    return None if raw is None else json.loads(raw.decode("utf-8", "replace"))


def _text(raw: bytes | None) -> str:
    value = _lenient(raw)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _number(raw: bytes | None) -> int:
    value = _lenient(raw)
    return value if isinstance(value, int) else 0


def _pairs(raw: Raw) -> Mapping[str, str]:
    try:
        return clean_pairs(_LABELS.decode(raw))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}  # only a hint for titles; the alerts carry the labels that matter
