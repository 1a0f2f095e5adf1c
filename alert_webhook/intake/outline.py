"""What the two ends of an Alertmanager body say about it: who it was sent to, and which group it is about.

Alertmanager writes the receiver first, then the alerts, then the group and everything else. A key stands in unescaped
quotes, which no string in a JSON text can hold; and no value of an alert is an object but its labels and annotations,
whose own values are texts. So the last `,"groupLabels":{` is the body's own, whatever an alert says.
"""

import re
from collections import deque

import msgspec

from alert_webhook.errors import BadBodyError
from alert_webhook.intake.alertmanager import VERSION, envelope_of, outside_of
from alert_webhook.intake.single import clean
from alert_webhook.intake.update import Delivery

RECEIVER = re.compile(rb'\s*\{\s*"receiver"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL)
AFTER_ALERTS = re.compile(rb',\s*"groupLabels"\s*:\s*\{')


def outline(first: bytes, last: bytes) -> Delivery:
    """Return the body without its alerts; empty where the ends do not say."""
    return msgspec.structs.replace(_group(last), receiver=_receiver(first))


def _receiver(first: bytes) -> str:
    match = RECEIVER.match(first)
    try:
        return clean(msgspec.json.decode(match[1], type=str)) if match else ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _group(last: bytes) -> Delivery:
    found = deque(AFTER_ALERTS.finditer(last), maxlen=1)
    if not found:
        return Delivery()
    end = b'{"alerts":[]' + last[found[0].start() :]
    try:
        return outside_of(envelope_of(end, VERSION, "the end of an Alertmanager body"))
    except BadBodyError:
        return Delivery()
