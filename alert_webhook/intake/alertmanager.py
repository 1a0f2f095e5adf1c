"""Alertmanager's webhook body, version 4 (0.19 to 0.34), decoded alert by alert.

The envelope is read first and each alert on its own, so that one bad alert costs itself and no other. Fields we do not
know are skipped; nothing deeper than the fields named here is ever built.
"""

import json
from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct, field

from alert_webhook.errors import BadBodyError
from alert_webhook.intake.fingerprint import fingerprint
from alert_webhook.intake.timestamp import nanoseconds
from alert_webhook.intake.update import AlertUpdate, Delivery, Rejected, Status

VERSION = "4"
MAX_ALERT_BYTES = 256 * 1024  # a real alert is about 1 KiB; label values past this are a sender gone wrong
MAX_LABELS = 256
MAX_RAW_CHARACTERS = 4096  # of a rejected alert, kept for whoever looks into it
EARLIEST_NS, LATEST_NS = 0, 2**62  # 1970 to 2116: within what a 64-bit column of nanoseconds can hold, with room after


class Envelope(Struct, rename="camel", kw_only=True):
    """The outer object; only what we use."""

    version: str = ""
    group_key: str = ""
    group_labels: Raw = Raw(b"{}")
    external_url: str = field(default="", name="externalURL")
    truncated_alerts: int = 0
    alerts: list[Raw]


class WireAlert(Struct, rename="camel"):
    """One alert as it stands in the body."""

    status: Status
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: str = ""
    ends_at: str = ""
    generator_url: str = field(default="", name="generatorURL")


_ENVELOPE = msgspec.json.Decoder(Envelope)
_ALERT = msgspec.json.Decoder(WireAlert)
_LABELS = msgspec.json.Decoder(dict[str, str])


def decode(body: bytes) -> Delivery:
    """Return the body's alerts; `BadBodyError` when it is no version 4 body as a whole."""
    try:
        envelope = _envelope(body)
    except msgspec.ValidationError as exc:
        raise BadBodyError("not_version_4", f"not an Alertmanager body: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise BadBodyError("not_json", f"not JSON: {exc}") from exc
    if envelope.version != VERSION:
        found = f"{envelope.version[:16]!r}" if envelope.version else "none"
        raise BadBodyError("not_version_4", f'expected an Alertmanager body with "version": "4", found {found}')
    return _delivery(envelope)


def _envelope(body: bytes) -> Envelope:
    try:
        return _ENVELOPE.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _ENVELOPE.decode(_repaired(body))


def _repaired(body: bytes) -> bytes:
    """Return the body as the standard library reads it.

    That lets pass what makes one alert bad (NaN, half a surrogate pair, a broken UTF-8 sequence), so that only that
    alert is rejected when its turn comes.
    """
    whole = json.loads(body.decode("utf-8", "replace"))
    if not isinstance(whole, dict) or not isinstance(whole.get("alerts"), list):
        raise ValueError("no object with a list of alerts")  # noqa: TRY004  # the caller maps ValueError
    outside = {name: _repaired_field(value) for name, value in whole.items() if name != "alerts"}
    return msgspec.json.encode({**outside, "alerts": [_readable(alert) for alert in whole["alerts"]]})


def _repaired_field(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    try:
        msgspec.json.encode(value)
    except (ValueError, TypeError):
        return {}  # groupLabels are only a hint, and we read no other field that is no text
    return value


def _readable(alert: object) -> object:
    try:
        msgspec.json.encode(alert)
        json.dumps(alert, allow_nan=False)
    except (ValueError, TypeError):
        return json.dumps(alert)[:MAX_RAW_CHARACTERS]  # a string: rejected as malformed, with what it was
    return alert


def _delivery(envelope: Envelope) -> Delivery:
    updates: list[AlertUpdate] = []
    rejected: list[Rejected] = []
    for raw in envelope.alerts:
        try:
            updates.append(_update(raw))
        except BadAlertError as exc:
            rejected.append(Rejected(exc.reason, str(exc), _excerpt(raw)))
    return Delivery(
        group=clean(envelope.group_key),
        group_labels=_group_labels(envelope.group_labels),
        source_url=clean(envelope.external_url),
        truncated=max(envelope.truncated_alerts, 0),
        updates=tuple(updates),
        rejected=tuple(rejected),
    )


class BadAlertError(ValueError):
    """One alert cannot be read; `reason` is the stable word for the metric."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _update(raw: Raw) -> AlertUpdate:
    if len(memoryview(raw)) > MAX_ALERT_BYTES:
        raise BadAlertError("too_large", f"more than {MAX_ALERT_BYTES} bytes")
    try:
        wire = _ALERT.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        raise BadAlertError("malformed", clean(str(exc))) from exc
    labels = _clean_mapping(wire.labels)
    if not labels:
        raise BadAlertError("no_labels", "an alert without labels has no identity")
    if len(labels) > MAX_LABELS:
        raise BadAlertError("too_many_labels", f"{len(labels)} labels, at most {MAX_LABELS} are read")
    return AlertUpdate(
        fingerprint=fingerprint(labels),  # not the sender's: a wrong one would hide an alert behind another
        status=wire.status,
        labels=labels,
        annotations=_clean_mapping(wire.annotations),
        starts_at_ns=_time(wire.starts_at),
        ends_at_ns=_time(wire.ends_at),
        generator_url=clean(wire.generator_url),
    )


def _time(text: str) -> int | None:
    if not text:
        return None
    try:
        value = nanoseconds(text)
    except (ValueError, OverflowError) as exc:
        raise BadAlertError("bad_time", str(exc)) from exc
    if value is not None and not EARLIEST_NS <= value <= LATEST_NS:
        raise BadAlertError("bad_time", f"{text!r} is out of range")
    return value


def _group_labels(raw: Raw) -> Mapping[str, str]:
    try:
        return _clean_mapping(_LABELS.decode(raw))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}  # only a hint for titles; the alerts carry the labels that matter


def _clean_mapping(pairs: Mapping[str, str]) -> dict[str, str]:
    return {clean(name): clean(value) for name, value in pairs.items()}


def clean(text: str) -> str:
    """Return `text` without NUL, which PostgreSQL's text cannot hold."""
    return text.replace("\0", "") if "\0" in text else text


def _excerpt(raw: Raw) -> str:
    start = bytes(memoryview(raw)[: 4 * MAX_RAW_CHARACTERS])
    return clean(start.decode("utf-8", "replace"))[:MAX_RAW_CHARACTERS]
