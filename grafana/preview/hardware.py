"""The invented fleet's bodies: processors, memory, temperature, parts, storage, and what feeds them. Pure."""

import math
from collections.abc import Mapping, Sequence

from grafana.preview import fleet
from grafana.preview.fleet import Device
from grafana.preview.series import Line, Moments, absent, usual, wander

SENSORS = {"Inlet": (24.0, 45.0), "Outlet": (37.0, 60.0), "Forwarding chip": (49.0, 95.0)}
"""Name: usual temperature, the sensor's own limit."""
FANS, SUPPLIES = ("Fan tray 1", "Fan tray 2"), ("Power supply 1", "Power supply 2")
GOOD, FAILED = 1.0, 3.0
NEAR_AMPERES = 9.9


def body(device: Device, moments: Moments) -> list[Line]:
    """Return what a switch, router or server tells of itself."""
    down = moments.within(device.down)
    count = len(moments.times)
    busy = 0.18 + 0.05 * (sum(device.name.encode()) % 7)
    cpu = [min(0.99, usual(t, busy) * f) for t, f in zip(moments.times, wander(device.name, count, 0.05), strict=True)]
    memory = [min(0.99, (0.4 + busy / 2) * f) for f in wander(device.name + "m", count, 0.004)]
    made = [
        Line("instance_part:cpu_used:ratio", _part(device, "all processors"), cpu),
        Line("instance_part:memory_used:ratio", _part(device, "memory"), memory),
    ]
    for name, (celsius, limit) in SENSORS.items():
        values = [
            (celsius + len(device.ports) + sum(device.name.encode()) % 9) * f
            for f in wander(device.name + name, count, 0.006)
        ]
        made.append(Line("instance_part:temperature:celsius", _part(device, name), values))
        made.append(Line("instance_part:temperature_limit:celsius", _part(device, name), moments.constant(limit)))
    made += [_state(device, "fan", name, moments.constant(GOOD)) for name in FANS]
    made += [_state(device, "supply", name, _supply(device, name, moments)) for name in SUPPLIES]
    full = 0.35 + 0.08 * (len(device.name) % 6)
    made.append(Line("instance_part:storage_used:ratio", _part(device, "flash"), moments.constant(full)))
    return [Line(line.family, line.labels, absent(line.values, down)) for line in made]


def supply(device: Device, gauges: Mapping[str, Sequence[float]], moments: Moments) -> list[Line]:
    """Return what the rules record of a UPS with these gauges of UPS-MIB."""
    on = [float(value == 5) for value in gauges["upsOutputSource"]]
    out = [230 * f for f in wander(device.name + "out", len(on), 0.001)]
    return [
        Line("instance:ups_on_battery:bool", device.labels, on),
        Line("instance:ups_battery_bad:bool", device.labels, moments.constant(0)),
        Line("instance:ups_charge:ratio", device.labels, [v / 100 for v in gauges["upsEstimatedChargeRemaining"]]),
        Line("instance:ups_runtime:seconds", device.labels, [v * 60 for v in gauges["upsEstimatedMinutesRemaining"]]),
        Line("instance:ups_battery:celsius", device.labels, [26 + 3 * v for v in on]),
        Line(
            "instance_part:ups_load:ratio", _part(device, "line 1"), [v / 100 for v in gauges["upsOutputPercentLoad"]]
        ),
        Line("instance_part:ups_input:volts", _part(device, "line 1"), gauges["upsInputVoltage"]),
        Line("instance_part:ups_output:volts", _part(device, "line 1"), out),
    ]


def strip(device: Device, moments: Moments) -> list[Line]:
    """Return what the rules record of an outlet strip with a probe for the air."""
    count, total, made = len(moments.times), moments.constant(0), list[Line]()
    for number, mean in enumerate((9.4, 6.8, 7.9), start=1):
        noise = wander(f"{device.name}{number}", count, 0.012)
        amperes = [mean * f for f in noise]
        total = [sum_ + 230 * value for sum_, value in zip(total, amperes, strict=True)]
        part = _part(device, f"phase {number}")
        made += [
            Line("instance_part:pdu_current:amperes", part, amperes),
            Line("instance_part:pdu_load:state", part, [2.0 if value > NEAR_AMPERES else 1.0 for value in amperes]),
        ]
    air = [24 + 1.6 * math.sin(moment / 5400) for moment in moments.times]
    probe = _part(device, "probe 1")
    return [
        *made,
        Line("instance:power:watts", device.labels, total),
        Line("instance_part:room:celsius", probe, air),
        Line("instance_part:humidity:ratio", probe, [0.45 * f for f in wander(device.name + "h", count, 0.004)]),
    ]


def _part(device: Device, part: str) -> dict[str, str]:
    return {**device.labels, "part": part}


def _state(device: Device, kind: str, part: str, values: Sequence[float | None]) -> Line:
    return Line("instance_part:health:state", {**_part(device, part), "kind": kind}, values)


def _supply(device: Device, name: str, moments: Moments) -> list[float]:
    broken = moments.within(fleet.SUPPLY_FAILED if (device.name, name) == fleet.WITHOUT_SUPPLY else None)
    return [FAILED if now else GOOD for now in broken]
