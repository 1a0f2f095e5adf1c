"""What every intake format is turned into: updates of single alerts, and what could not be one."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """What a sender says about one alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


class AlertUpdate(Struct, frozen=True, kw_only=True, gc=False):
    """One alert as a sender described it once. Times are nanoseconds since 1970; None where the sender gave none."""

    fingerprint: str
    status: Status
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at_ns: int | None
    ends_at_ns: int | None
    generator_url: str
    unconfirmed: bool = False  # an end that nobody reported: the next word that it fires is believed at once


class Rejected(Struct, frozen=True):
    """An alert that could not be read: a stable word for the metric, a sentence, and the raw text, bounded."""

    reason: str
    detail: str
    raw: str


class Delivery(Struct, frozen=True, kw_only=True):
    """One request's content, or a piece of it. `group` is the sender's own name of the group ("" if it has none).

    `shared_labels` are given where this is a piece: what the alerts of all pieces share.
    """

    group: str = ""
    group_labels: Mapping[str, str] = {}
    source_url: str = ""
    receiver: str = ""  # the sender's name, as a regular expression, of what it sends to
    truncated: int = 0  # alerts the sender left out
    shared_labels: Mapping[str, str] | None = None
    updates: tuple[AlertUpdate, ...] = ()
    rejected: tuple[Rejected, ...] = ()
