"""The interfaces of the invented fleet: their counters, states, records and scores. Pure."""

from collections.abc import Sequence

from grafana.preview import fleet
from grafana.preview.fleet import Device, Port
from grafana.preview.series import Line, Moments, absent, summed, usual, wander

HALF_BAND = 0.24  # of the expected value: where the score is 1
BYTES_PER_PACKET = 700
LAST_CHANGE_CENTISECONDS = 6_200
QUERY = "interface_traffic_in"  # bits per second


def port_lines(device: Device, port: Port, moments: Moments) -> list[Line]:
    """Return every series of one interface: counters, states, what the rules record, scores where it is watched."""
    labels = {
        **device.labels,
        "ifIndex": str(port.index),
        "ifName": port.name,
        "ifAlias": port.alias,
        "ifDescr": port.name,
    }
    down = moments.within(device.down)
    received, sent = _traffic(device, port, moments, port.mean), _traffic(device, port, moments, port.mean * 0.35)
    dropped = _dropped(device, port, received, moments)
    state = moments.constant(1 if port.plugged else 2)
    gauges = {
        "ifAdminStatus": moments.constant(1),
        "ifOperStatus": state,
        "ifHighSpeed": moments.constant(port.megabits),
        "ifMtu": moments.constant(9216 if port.megabits > 1000 else 1500),
        "ifLastChange": moments.constant(LAST_CHANGE_CENTISECONDS),
        **_recorded(port, received, sent, dropped),
    }
    counters = _counters(port, received, sent, dropped)
    return [
        *(Line(name, labels, absent(values, down)) for name, values in gauges.items()),
        *(Line(name, labels, summed(absent(values, down), 1e9)) for name, values in counters.items()),
        *(_scores(labels, port, received, moments, down) if port.watched else []),
    ]


def _counters(port: Port, received: list[float], sent: list[float], dropped: list[float]) -> dict[str, list[float]]:
    """Return octets, packets and losses a second."""
    frames = [value / BYTES_PER_PACKET for value in received]
    return {
        "ifHCInOctets": received,
        "ifHCOutOctets": sent,
        "ifHCInUcastPkts": [value * (1 - port.damaged) for value in frames],
        "ifHCInMulticastPkts": [value * 0.004 for value in frames],
        "ifHCInBroadcastPkts": [value * 0.001 for value in frames],
        "ifHCOutUcastPkts": [value / BYTES_PER_PACKET for value in sent],
        "ifHCOutMulticastPkts": [value * 0.002 / BYTES_PER_PACKET for value in sent],
        "ifHCOutBroadcastPkts": [value * 0.0005 / BYTES_PER_PACKET for value in sent],
        "ifInErrors": [value * port.damaged for value in frames],
        "ifOutErrors": [value * port.damaged * 0.02 for value in frames],
        "ifInDiscards": [value * port.damaged * 0.1 for value in frames],
        "ifOutDiscards": dropped,
    }


def _recorded(port: Port, received: list[float], sent: list[float], dropped: list[float]) -> dict[str, list[float]]:
    """Return what the recording rules make of a port's counters."""
    capacity = port.megabits * 1e6 / 8
    return {
        "instance_ifName:ifHCInOctets:rate5m": received,
        "instance_ifName:ifHCOutOctets:rate5m": sent,
        "instance_ifName:ifHCInOctets_per_ifHighSpeed:ratio_rate5m": [value / capacity for value in received],
        "instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m": [value / capacity for value in sent],
        "instance_ifName:ifInErrors_per_ifHCInUcastPkts:ratio_rate5m": [port.damaged] * len(received),
        "instance_ifName:ifOutErrors_per_ifHCOutUcastPkts:ratio_rate5m": [port.damaged * 0.02] * len(received),
        "instance_ifName:ifInDiscards_per_ifHCInUcastPkts:ratio_rate5m": [port.damaged * 0.1] * len(received),
        "instance_ifName:ifOutDiscards_per_ifHCOutUcastPkts:ratio_rate5m": [
            lost / (value / BYTES_PER_PACKET + 1) for lost, value in zip(dropped, sent, strict=True)
        ],
    }


def _traffic(device: Device, port: Port, moments: Moments, mean: float) -> list[float]:
    noise = wander(f"{device.name}{port.name}{mean}", len(moments.times), 0.02)
    rates = [usual(moment, mean) * factor for moment, factor in zip(moments.times, noise, strict=True)]
    if (device.name, port.name) != fleet.DRIFTING:
        return rates
    since = fleet.DRIFT[0]
    reached = [min(1.0, max(0.0, (since - (moments.end - moment)) / (12 * 60))) for moment in moments.times]
    return [rate * (1 + (fleet.DRIFT_FACTOR - 1) * part) for rate, part in zip(rates, reached, strict=True)]


def _dropped(device: Device, port: Port, received: list[float], moments: Moments) -> list[float]:
    """Return the frames a second that the drifting uplink had no room for."""
    if (device.name, port.name) != fleet.DRIFTING:
        return moments.constant(0)
    full = usual(moments.end, port.mean) * 1.5
    return [max(0.0, rate - full) / BYTES_PER_PACKET * 2e-4 for rate in received]


def _scores(labels: dict[str, str], port: Port, actual: list[float], moments: Moments, down: list[bool]) -> list[Line]:
    written = {**labels, "for": QUERY, "model_alias": "usual"}
    expected = moments.of(lambda moment: 8 * usual(moment, port.mean))
    score = [abs(8 * is_ - was) / (HALF_BAND * was) for is_, was in zip(actual, expected, strict=True)]
    values = {
        "anomaly_score": score,
        "yhat": expected,
        "yhat_lower": [value * (1 - HALF_BAND) for value in expected],
        "yhat_upper": [value * (1 + HALF_BAND) for value in expected],
    }
    return [Line(name, written, absent(series, down)) for name, series in values.items()]


def sums(device: Device, made: Sequence[Line]) -> list[Line]:
    """Return a device's traffic over all its interfaces, of those already made."""
    summed_up = []
    for direction in ("In", "Out"):
        family = f"instance_ifName:ifHC{direction}Octets:rate5m"
        members = [line.values for line in made if line.family == family and line.labels["instance"] == device.name]
        if members:
            columns = zip(*members, strict=True)
            total = [None if None in column else sum(value or 0.0 for value in column) for column in columns]
            summed_up.append(Line(f"instance:ifHC{direction}Octets:rate5m", device.labels, total))
    return summed_up
