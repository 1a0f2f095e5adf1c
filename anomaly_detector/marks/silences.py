"""Silences as Alertmanager tells them (`/api/v2/silences`, the same from 0.16 to 0.33). No I/O.

One that names an alert which is none of ours (`alertname=InterfaceDown`) says that this alert is known, and nothing of
the device: what it is about is not learnt, and the device is scored all the same.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from anomaly_detector.errors import BadAnswerError, printable
from anomaly_detector.marks.matching import Says, narrowing, pause_of
from anomaly_detector.scoring.learning import Pause

ALERTNAME = "alertname"
OURS = ("AnomalyDevice", "AnomalyPage", "AnomalySite", "AnomalyDetected")  # alerts of prometheus/rules/anomaly.yml


class Matcher(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a label has to be; `is_equal` is missing before 0.22 and then true."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class Silence(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A silence, expired ones included: its end is when it ended."""

    id: str
    matchers: Sequence[Matcher]
    starts_at: datetime
    ends_at: datetime


def parse_silences(body: bytes) -> list[Silence]:
    """Decode the list of silences; BadAnswerError when it is none."""
    try:
        return msgspec.json.decode(body, type=list[Silence])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise BadAnswerError(f"not Alertmanager's silences: {printable(str(exc))}") from exc


def silence_pauses(silence: Silence, by: Sequence[str]) -> list[Pause]:
    """Return the pause that a silence means, if any; ValueError when a pattern cannot be read."""
    says = [Says(label=m.name, text=m.value, pattern=m.is_regex, negated=not m.is_equal) for m in silence.matchers]
    begins_s, to_s = silence.starts_at.timestamp(), silence.ends_at.timestamp()
    pause = pause_of(says, by, begins_s=begins_s, to_s=to_s) if begins_s < to_s else None
    if pause is None:
        return []
    alerts = [one.condition for one in says if one.label == ALERTNAME]
    others = narrowing([one for one in says if one.label != ALERTNAME], by)
    ours = any(all(one.holds(name) for one in alerts) for name in OURS)
    return [msgspec.structs.replace(pause, also=(*pause.also, *others), of_devices=ours)]
