"""What every intake format is turned into: updates of single alerts, and what could not be one."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """What a sender says about one alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


class AlertUpdate(Struct, frozen=True, kw_only=True):
    """One alert as a sender described it once. Times are nanoseconds since 1970; None where the sender gave none."""

    fingerprint: str
    status: Status
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at_ns: int | None
    ends_at_ns: int | None
    generator_url: str


class Rejected(Struct, frozen=True):
    """An alert that could not be read: a stable word for the metric, a sentence, and the raw text, bounded."""

    reason: str
    detail: str
    raw: str


class Delivery(Struct, frozen=True, kw_only=True):
    """One request's content. `group` is the sender's own name of the group ("" if it has none)."""

    group: str
    group_labels: Mapping[str, str]
    source_url: str
    truncated: int  # alerts the sender left out
    updates: tuple[AlertUpdate, ...]
    rejected: tuple[Rejected, ...]
