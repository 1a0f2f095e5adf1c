"""The invented fleet as OpenMetrics text, from which `promtool tsdb create-blocks-from` makes a past. Pure.

Values follow from the device's name and the time alone, so that two runs draw the same picture.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator

from exporters.metric.samples import escape_label
from grafana.preview import fleet, hardware
from grafana.preview.fleet import FLEET, Device
from grafana.preview.interfaces import port_lines, sums
from grafana.preview.series import DAY_S, Line, Moments, absent, usual, wander
from grafana.preview.services import alerts, services

UPTIME_START_S = 40 * DAY_S
TIMEOUT_S = 10.0


def lines(end: int, hours: float) -> list[Line]:
    """Return every series of the fleet and of the monitoring itself."""
    moments = Moments(end, hours)
    made: list[Line] = []
    for device in FLEET:
        made += _reachable(device, moments)
        made += _system(device, moments) if device.job == "snmp" else []
        made += _ups(device, moments) if device.ups else []
        made += hardware.strip(device, moments) if device.strip else []
        made += hardware.body(device, moments) if device.ports or device.job == "ssh" else []
        made += _meter(device, moments) if device.job == "modbus" else []
        for port in device.ports:
            made += port_lines(device, port, moments)
        made += sums(device, made)
    return [*made, *_sites(moments), *alerts(moments), *services(moments)]


def openmetrics(series: Iterable[Line], end: int, hours: float) -> Iterator[str]:
    """Yield the text, one family after the other."""
    times = Moments(end, hours).times
    families: dict[str, list[Line]] = defaultdict(list)
    for line in series:
        families[line.family].append(line)
    for family, members in families.items():
        yield f"# TYPE {family} unknown\n"
        for member in members:
            text = ",".join(f'{name}="{escape_label(value)}"' for name, value in sorted(member.labels.items()))
            for moment, value in zip(times, member.values, strict=True):
                if value is not None:
                    yield f"{family}{{{text}}} {value!r} {moment}\n"
    yield "# EOF\n"


def _reachable(device: Device, moments: Moments) -> list[Line]:
    down = moments.within(device.down)
    up = [0.0 if gone else 1.0 for gone in down]
    seconds = [0.02 + 0.05 * factor for factor in wander(device.name + "scrape", len(down), 0.02)]
    made = [
        Line("up", device.labels, up),
        Line("instance:device_up:min", device.labels, up),
        Line("scrape_timeout_seconds", device.labels, moments.constant(TIMEOUT_S)),
        Line(
            "scrape_duration_seconds",
            device.labels,
            [9.5 if gone else s for gone, s in zip(down, seconds, strict=True)],
        ),
    ]
    if device.job == "snmp":
        modules = ("system", "ups_mib") if device.ups else ("system", "if_mib")
        failing = {**device.labels, "module": "system", "reason": "timeout"}
        if device.name == fleet.READ_IN_PART:
            made.append(Line("probe_failure_info", failing, moments.constant(1)))
        for module in modules:
            labels = {**device.labels, "module": module}
            walked = [second * (0.2 if module == "system" else 0.7) for second in seconds]
            made.append(Line("snmp_scrape_duration_seconds", labels, absent(walked, down)))
            made.append(
                Line("snmp_scrape_packets_sent", labels, absent(moments.constant(2 if module == "system" else 9), down))
            )
            in_part = device.name == fleet.READ_IN_PART and module == "system"
            if not in_part:
                made.append(Line("snmp_scrape_pdus_returned", labels, absent(moments.constant(400), down)))
                made.append(Line("snmp_module_success", labels, absent(moments.constant(1), down)))
            made.append(Line("snmp_scrape_packets_retried", labels, absent(moments.constant(2.0 * in_part), down)))
    return made


def _system(device: Device, moments: Moments) -> list[Line]:
    down = moments.within(device.down)
    restart = moments.end - device.down[1] if device.down else moments.times[0] - UPTIME_START_S
    boot = [moments.times[0] - UPTIME_START_S if moment < restart else restart for moment in moments.times]
    uptime = [100.0 * (moment - start) for moment, start in zip(moments.times, boot, strict=True)]
    said = {"sysName": f"{device.name}.example.org", "sysDescr": device.about, "sysLocation": f"{device.site}, rack 2"}
    vendor = {**device.labels, "vendor": device.vendor}
    number = {**device.labels, "sysObjectID": f"1.3.6.1.4.1.{fleet.ENTERPRISES[device.vendor]}.1"}
    return [
        Line("instance:device_vendor:info", vendor, absent(moments.constant(1), down)),
        Line("sysObjectID", number, absent(moments.constant(1), down)),
        Line("sysUpTime", device.labels, absent(uptime, down)),
        *(Line(name, {**device.labels, name: text}, absent(moments.constant(1), down)) for name, text in said.items()),
    ]


def _ups(device: Device, moments: Moments) -> list[Line]:
    since = fleet.BATTERY[0]
    on_battery = moments.within(fleet.BATTERY if device.name == fleet.ON_BATTERY else None)
    gone = [
        max(0.0, since - (moments.end - moment)) if on else 0.0
        for on, moment in zip(on_battery, moments.times, strict=True)
    ]
    load = [42 * factor for factor in wander(device.name, len(gone), 0.02)]
    volts = [
        0.0 if on else 230 * factor
        for on, factor in zip(on_battery, wander(device.name + "v", len(gone), 0.003), strict=True)
    ]
    gauges: dict[str, list[float]] = {
        "upsOutputSource": [5.0 if on else 3.0 for on in on_battery],
        "upsBatteryStatus": moments.constant(2),
        "upsSecondsOnBattery": gone,
        "upsEstimatedChargeRemaining": [100.0 - math.floor(s / 45) for s in gone],
        "upsEstimatedMinutesRemaining": [46.0 - math.floor(s / 60) for s in gone],
    }
    load, volts = [float(round(v)) for v in load], [float(round(v)) for v in volts]
    return [
        *hardware.supply(device, {**gauges, "upsOutputPercentLoad": load, "upsInputVoltage": volts}, moments),
        *(Line(name, device.labels, values) for name, values in gauges.items()),
        Line("upsOutputPercentLoad", {**device.labels, "upsOutputLineIndex": "1"}, load),
        Line("upsInputVoltage", {**device.labels, "upsInputLineIndex": "1"}, volts),
    ]


def _meter(device: Device, moments: Moments) -> list[Line]:
    mean = 4_000 + 1_500 * (sum(device.name.encode()) % 5)  # watts a phase
    made, total = list[Line](), moments.constant(0)
    for phase in ("L1", "L2", "L3"):
        labels = {**device.labels, "phase": phase}
        noise = wander(device.name + phase, len(moments.times), 0.03)
        watts = [usual(moment, mean) * factor for moment, factor in zip(moments.times, noise, strict=True)]
        volts = [230 * factor for factor in wander(phase + device.name, len(moments.times), 0.002)]
        total = [sum_ + watt for sum_, watt in zip(total, watts, strict=True)]
        made += [Line("electrical_power_watts", labels, watts), Line("electrical_voltage_volts", labels, volts)]
    return [
        *made,
        Line("electrical_total_power_watts", device.labels, total),
        Line("instance:power:watts", device.labels, total),
    ]


def _sites(moments: Moments) -> list[Line]:
    made = []
    for site in sorted({device.site for device in FLEET}):
        members = [moments.within(device.down) for device in FLEET if device.site == site]
        share = [1 - sum(gone) / len(gone) for gone in zip(*members, strict=True)]
        made.append(Line("site:device_up:avg", {"site": site}, share))
    return made
