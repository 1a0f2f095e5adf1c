"""A silence in Alertmanager for one alert, as its API wants it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from alert_webhook.oncall.wall import utc

ENDS_NOW_S = 2.0  # the API ends a silence by an end in the future only


class Kept(Struct, frozen=True, kw_only=True):
    """A silence for one alert of an incident; `reference` is Alertmanager's id, "" while it has none."""

    incident_id: int
    alert_id: int
    integration: str
    labels: Mapping[str, str]
    reference: str
    wanted: bool
    starts_at: float
    code: str
    acked_by: str


class _Posted(Struct):
    silence_id: str = msgspec.field(name="silenceID")


def body_of(kept: Kept, *, ends_at: float) -> bytes:
    """Return the body of `POST /api/v2/silences` that makes, lengthens or ends a silence of exactly one alert."""
    who = kept.acked_by or "nobody any more"
    value: dict[str, Any] = {
        "matchers": [
            {"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in kept.labels.items()
        ],
        "startsAt": _rfc3339(utc(kept.starts_at)),
        "endsAt": _rfc3339(utc(ends_at)),
        "createdBy": f"heronwatch, for {who}",
        "comment": f"incident {kept.code} is acknowledged",
    }
    if kept.reference:
        value["id"] = kept.reference
    return msgspec.json.encode(value)


def reference_in(answer: bytes) -> str:
    """Return the id in an answer of `POST /api/v2/silences`, "" where there is none."""
    try:
        return msgspec.json.decode(answer, type=_Posted).silence_id
    except msgspec.DecodeError:
        return ""


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
