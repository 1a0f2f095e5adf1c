"""What an Alertmanager sends in a storm: groups of alerts begin, are repeated, end, begin again and end in part."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct

ALERTS = 100  # in one body
ROUNDS = 6  # bodies of each group
STARTS = (0, 0, 0, 1, 1, 1)  # which of two episodes each round is about
ENDED = (0, 0, ALERTS, 0, 0, ALERTS // 2)  # how many of a group's alerts each round says have ended
EARLIER_S = 3600.0  # the first episode began an hour ago, each later moment some minutes after the one before
ZERO = "0001-01-01T00:00:00Z"  # Go's zero time: not ended


class Expected(Struct, frozen=True):
    """What the database holds when everything sent was taken."""

    alerts: int
    episodes: int
    firing: int
    incidents: int


def expected(groups: int) -> Expected:
    """Return the counts after every round of `groups` groups."""
    alerts = groups * ALERTS
    return Expected(alerts, episodes=2 * alerts, firing=alerts - groups * ENDED[-1], incidents=2 * groups)


def bodies(groups: int, *, now: float) -> Iterator[bytes]:
    """Yield every body in the order it is sent, made as it is asked for: 100 alerts of about 700 bytes each."""
    for number in range(ROUNDS):
        moments = _Moments(now)
        for group in range(groups):
            yield body(group, number, moments)


class _Moments:
    """The times of the story as Go writes them; the same for every alert but for its nanoseconds."""

    def __init__(self, now: float) -> None:
        self.starts = [_second(now - EARLIER_S), _second(now - EARLIER_S / 2)]
        self.ends = [_second(now - EARLIER_S * 3 / 4), _second(now - EARLIER_S / 4)]


def body(group: int, number: int, moments: _Moments) -> bytes:
    """Return one body of version 4; `number` is the round."""
    alerts = ",".join(_alert(group, each, number, moments) for each in range(ALERTS))
    status = "resolved" if ENDED[number] == ALERTS else "firing"
    shared = f'{{"alertname":"InterfaceErrors","instance":"switch-{group}.example.org"}}'
    key = json.dumps(f'{{}}:{{alertname="InterfaceErrors", instance="switch-{group}.example.org"}}')
    return (
        f'{{"receiver":"heronwatch","status":"{status}","alerts":[{alerts}],"groupLabels":{shared},'
        f'"commonLabels":{shared},"commonAnnotations":{{}},"externalURL":"http://alertmanager.example.org:9093",'
        f'"version":"4","groupKey":{key},"truncatedAlerts":0}}\n'
    ).encode()


def _alert(group: int, port: int, number: int, moments: _Moments) -> str:
    episode, over = STARTS[number], port < ENDED[number]
    fraction = f".{group * ALERTS + port:09d}Z"
    starts, ends = moments.starts[episode] + fraction, moments.ends[episode] + fraction if over else ZERO
    return (
        f'{{"status":"{"resolved" if over else "firing"}","labels":{{"alertname":"InterfaceErrors",'
        f'"ifAlias":"uplink {port} to rack {port % 12}","ifIndex":"{10_000 + port}",'
        f'"ifName":"GigabitEthernet1/0/{port}",'
        f'"instance":"switch-{group}.example.org","job":"snmp","severity":"warning","site":"plant-{group % 40}"}},'
        f'"annotations":{{"description":"Interface {port} of switch-{group} has had errors for 15 minutes.",'
        f'"runbook_url":"https://runbooks.example.org/network/interface-errors",'
        f'"summary":"Errors on port {port} of switch-{group}, about {number // 3 + 1} in a second"}},'
        f'"startsAt":"{starts}","endsAt":"{ends}","generatorURL":"http://prometheus.example.org:9090/graph?'
        f'g0.expr=rate%28ifInErrors%5B5m%5D%29+%3E+1&g0.tab=1","fingerprint":"{group:08x}{port:08x}"}}'
    )


def critical(number: int, *, now: float) -> bytes:
    """Return the body of one critical alert."""
    name = f"PlantPowerLost{number}"
    alert = {
        "status": "firing",
        "labels": {"alertname": name, "severity": "critical", "site": f"plant-{number}"},
        "annotations": {"summary": "The plant has no power"},
        "startsAt": f"{_second(now)}Z",
        "endsAt": ZERO,
        "generatorURL": "",
    }
    whole = {"version": "4", "groupKey": name, "externalURL": "", "alerts": [alert]}
    return json.dumps(whole).encode()


def one_group(alerts: int, *, now: float) -> bytes:
    """Return the body of one group of many critical alerts: the feeders of one plant have tripped."""
    starts, shared = _second(now), '"alertname":"FeederTripped","severity":"critical","site":"plant-9"'
    many = ",".join(
        f'{{"status":"firing","labels":{{{shared},"instance":"feeder-{number}.example.org","job":"scada"}},'
        f'"annotations":{{"summary":"Feeder {number} has tripped"}},"startsAt":"{starts}.{number:09d}Z",'
        f'"endsAt":"{ZERO}","generatorURL":"http://prometheus.example.org:9090/graph"}}'
        for number in range(alerts)
    )
    return (
        f'{{"receiver":"heronwatch","status":"firing","alerts":[{many}],"groupLabels":{{{shared}}},'
        f'"commonLabels":{{{shared},"job":"scada"}},"version":"4","groupKey":"plant-9","truncatedAlerts":0}}'
    ).encode()


def _second(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
