"""One alert as Alertmanager, Grafana and others write it, to an `AlertUpdate`; or the reason why it cannot be one."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import msgspec
from msgspec import Raw, Struct, field

from alert_webhook.intake.fingerprint import fingerprint
from alert_webhook.intake.timestamp import nanoseconds
from alert_webhook.intake.update import AlertUpdate, Rejected, Status

MAX_ALERT_BYTES = 256 * 1024  # a real alert is about 1 KiB; label values past this are a sender gone wrong
MAX_LABELS = 256
MAX_RAW_CHARACTERS = 4096  # of a rejected alert, kept for whoever looks into it
EARLIEST_NS, LATEST_NS = 0, 2**62  # 1970 to 2116: within what a 64-bit column of nanoseconds can hold, with room after
REMEMBERED = 131_072  # label sets: what an alert is called is asked again each time its group is sent again
REMEMBERED_BYTES = 512  # of a label set as it was sent; with what goes with it, at most 80 MiB in all
ESCAPED_NUL = b"\\u0000"  # how alone a NUL can stand in JSON (RFC 8259 section 7)

Pairs = Mapping[str, str]
Cleaner = Callable[[dict[str, str]], dict[str, str]]


class WireAlert(Struct, rename="camel", gc=False):
    """One alert as it stands in the body."""

    status: Status
    labels: Raw
    annotations: dict[str, str] = {}
    starts_at: str = ""
    ends_at: str = ""
    generator_url: str = field(default="", name="generatorURL")


_ALERT = msgspec.json.Decoder(WireAlert)
_LABELS = msgspec.json.Decoder(dict[str, str])


class BadAlertError(ValueError):
    """One alert cannot be read; `reason` is the stable word for the metric."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def cleaner_for(body: bytes) -> Cleaner:
    """Return what takes NUL out of the pairs of this body: nothing, where the body has none."""
    return clean_pairs if ESCAPED_NUL in body else _as_they_are


def update_of(raw: Raw, cleaned: Cleaner) -> AlertUpdate:
    """Return what one alert says; BadAlertError for what is none."""
    if len(memoryview(raw)) > MAX_ALERT_BYTES:
        raise BadAlertError("too_large", f"more than {MAX_ALERT_BYTES} bytes")
    try:
        wire = _ALERT.decode(raw)
        labels = _LABELS.decode(wire.labels)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        raise BadAlertError("malformed", clean(str(exc))) from exc
    return update_from(
        wire.status,
        cleaned(labels),
        cleaned(wire.annotations),
        starts_at_ns=time_of(wire.starts_at),
        ends_at_ns=time_of(wire.ends_at),
        url=clean(wire.generator_url),
        name=_name_of(bytes(wire.labels)) if cleaned is _as_they_are else "",
    )


def update_from(
    status: Status,
    labels: Pairs,
    annotations: Pairs,
    *,
    starts_at_ns: int | None,
    ends_at_ns: int | None,
    url: str,
    name: str = "",
) -> AlertUpdate:
    """Return the update; BadAlertError where the labels are no identity.

    `name` is their fingerprint where it was computed already: never the sender's word, a wrong one would hide an alert
    behind another.
    """
    if not labels:
        raise BadAlertError("no_labels", "an alert without labels has no identity")
    if len(labels) > MAX_LABELS:
        raise BadAlertError("too_many_labels", f"{len(labels)} labels, at most {MAX_LABELS} are read")
    return AlertUpdate(
        fingerprint=name or fingerprint(labels),
        status=status,
        labels=labels,
        annotations=annotations,
        starts_at_ns=starts_at_ns,
        ends_at_ns=ends_at_ns,
        generator_url=url,
    )


def time_of(text: str) -> int | None:
    """Return nanoseconds since 1970, None where none is given; BadAlertError for what is no time we can keep."""
    if not text:
        return None
    try:
        value = nanoseconds(text)
    except (ValueError, OverflowError) as exc:
        raise BadAlertError("bad_time", str(exc)) from exc
    return value if value is None else within_reach(value, text)


def within_reach(value_ns: int, text: str) -> int:
    """Return the time, BadAlertError where it is out of range; `text` is how the sender wrote it."""
    if not EARLIEST_NS <= value_ns <= LATEST_NS:
        raise BadAlertError("bad_time", f"{text[:64]!r} is out of range")
    return value_ns


def rejected(error: BadAlertError, raw: bytes | memoryview) -> Rejected:
    """Return what is kept of an alert that could not be read."""
    return Rejected(error.reason, str(error), excerpt(raw))


def excerpt(raw: bytes | memoryview) -> str:
    """Return the beginning of what was sent, as text that a database takes."""
    return clean(bytes(raw[: 4 * MAX_RAW_CHARACTERS]).decode("utf-8", "replace"))[:MAX_RAW_CHARACTERS]


def clean(text: str) -> str:
    """Return `text` without NUL, which PostgreSQL's text cannot hold."""
    return text.replace("\0", "") if "\0" in text else text


def clean_pairs(pairs: Pairs) -> dict[str, str]:
    """Return the pairs without NUL."""
    return {clean(name): clean(value) for name, value in pairs.items()}


def _name_of(sent: bytes) -> str:
    """Return the fingerprint of a label set as it was sent."""
    return _remembered_name(sent) if len(sent) <= REMEMBERED_BYTES else fingerprint(_LABELS.decode(sent))


@lru_cache(maxsize=REMEMBERED)
def _remembered_name(sent: bytes) -> str:
    return fingerprint(_LABELS.decode(sent))


def _as_they_are(pairs: dict[str, str]) -> dict[str, str]:
    return pairs
