"""What Alertmanager's API (v2) answers, as values: alerts that are not over, and since when a node has been up."""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from alert_webhook.intake.single import BadAlertError, clean, clean_pairs, time_of, update_from
from alert_webhook.intake.timestamp import NANOSECONDS, nanoseconds
from alert_webhook.intake.update import AlertUpdate, Status


class ApiAlert(Struct, frozen=True):
    """One alert that a node knows. `active`: neither silenced nor inhibited nor muted."""

    update: AlertUpdate
    active: bool
    receivers: tuple[str, ...]


class Node(Struct, frozen=True):
    """One node's answer; `trouble` says why there is none."""

    alerts: tuple[ApiAlert, ...] = ()
    started_at: float = 0.0  # Unix seconds
    trouble: str = ""


class _Status(Struct, frozen=True):
    state: str = ""


class _Receiver(Struct):
    name: str = ""


class _Alert(Struct, rename="camel"):
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: str = ""
    generator_url: str = field(default="", name="generatorURL")
    status: _Status = _Status()
    receivers: list[_Receiver] = []


class _Uptime(Struct):
    uptime: str


_LIST = msgspec.json.Decoder(list[Raw])
_ALERT = msgspec.json.Decoder(_Alert)
_UPTIME = msgspec.json.Decoder(_Uptime)


def alerts_of(body: bytes) -> tuple[ApiAlert, ...]:
    """Return the alerts of `GET /api/v2/alerts`; one that cannot be read is left out. ValueError for no list."""
    return tuple(listed(body))


def listed(body: bytes) -> Iterator[ApiAlert]:
    """Return the same one after another, as they are asked for; ValueError, at once, for no list."""
    found = map(_alert, _LIST.decode(body))
    return (each for each in found if each is not None)


def started_at(body: bytes) -> float:
    """Return since when the node of `GET /api/v2/status` has been up, Unix seconds; ValueError if it does not say."""
    at = nanoseconds(_UPTIME.decode(body).uptime)
    if at is None:
        raise ValueError("the node does not say since when it has been up")
    return at / NANOSECONDS


def known_to_any(nodes: Sequence[Node]) -> dict[str, ApiAlert]:
    """Return by fingerprint every alert that at least one node knows."""
    return {each.update.fingerprint: each for node in nodes for each in node.alerts}


def active_on_all(nodes: Sequence[Node], receiver: str) -> dict[str, ApiAlert]:
    """Return by fingerprint the alerts that every node would send to this receiver."""
    each_node = [
        {each.update.fingerprint: each for each in node.alerts if each.active and receiver in each.receivers}
        for node in nodes
    ]
    if not each_node:
        return {}
    first, *rest = each_node
    return {name: alert for name, alert in first.items() if all(name in other for other in rest)}


def _alert(raw: Raw) -> ApiAlert | None:
    try:
        wire = _ALERT.decode(raw)
        update = update_from(
            Status.FIRING,
            clean_pairs(wire.labels),
            clean_pairs(wire.annotations),
            starts_at_ns=time_of(wire.starts_at),
            ends_at_ns=None,  # of a firing alert it is when Prometheus' word expires
            url=clean(wire.generator_url),
        )
    except (msgspec.DecodeError, BadAlertError, RecursionError, UnicodeDecodeError):
        return None
    return ApiAlert(update, wire.status.state == "active", tuple(each.name for each in wire.receivers))


def ended(update: AlertUpdate, at_ns: int) -> AlertUpdate:
    """Return the update that says an alert ended, which nobody confirmed."""
    return replace(update, status=Status.RESOLVED, ends_at_ns=at_ns, unconfirmed=True)
