"""The invented fleet as OpenMetrics text, from which `promtool tsdb create-blocks-from` makes a past. Pure.

Values follow from the device's name and the time alone, so that two runs draw the same picture.
"""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grafana.preview import fleet
from grafana.preview.fleet import FLEET, Device, Port

STEP_S = 30
DAY_S = 86_400
PEAK_S = 15 * 3600  # the busiest time of the day, UTC
RHYTHM = 0.3
HALF_BAND = 0.24  # of the expected value: where the score is 1
UPTIME_START_S = 40 * DAY_S
BYTES_PER_PACKET = 700
QUERY = "interface_traffic_in"  # bits per second


@dataclass(frozen=True)
class Line:
    """One series: its values at every moment; None where there is no sample."""

    family: str
    labels: Mapping[str, str]
    values: Sequence[float | None]


class Moments:
    """The times of all samples, and where each lies before the end."""

    def __init__(self, end: int, hours: float) -> None:
        self.end = end // STEP_S * STEP_S
        self.times = range(self.end - int(hours * 3600) // STEP_S * STEP_S, self.end + STEP_S, STEP_S)

    def within(self, window: tuple[int, int] | None) -> list[bool]:
        """Whether each moment lies in the window (from, to), in seconds before the end."""
        if window is None:
            return [False] * len(self.times)
        return [window[1] <= self.end - moment <= window[0] for moment in self.times]

    def constant(self, value: float) -> list[float]:
        """Return one value for every moment."""
        return [value] * len(self.times)

    def of(self, function: Callable[[int], float]) -> list[float]:
        """Return the function's value at every moment."""
        return [function(moment) for moment in self.times]


def wander(name: str, count: int, spread: float) -> list[float]:
    """Return a slowly changing factor around 1 (an autoregressive series), the same for the same name."""
    source = random.Random(name)  # noqa: S311 (a picture, no secret)
    level, values = 0.0, []
    for _ in range(count):
        level = 0.9 * level + source.gauss(0, spread)
        values.append(max(0.05, 1 + level))
    return values


def usual(moment: int, mean: float) -> float:
    """Return what a series of this mean has at this time of the day."""
    return mean * (1 + RHYTHM * math.cos(2 * math.pi * ((moment - PEAK_S) % DAY_S) / DAY_S))


def summed(rates: Iterable[float | None], start: float) -> list[float | None]:
    """Return the counter that grows by these rates per second; a gap stays a gap."""
    total, values = start, list[float | None]()
    for rate in rates:
        total += (rate or 0.0) * STEP_S
        values.append(None if rate is None else float(round(total)))
    return values


def absent(values: Sequence[float | None], gaps: Sequence[bool]) -> list[float | None]:
    """Return the values without those at the gaps."""
    return [None if gap else value for value, gap in zip(values, gaps, strict=True)]


def lines(end: int, hours: float) -> list[Line]:
    """Return every series of the fleet and of the monitoring itself."""
    moments = Moments(end, hours)
    made: list[Line] = []
    for device in FLEET:
        made += _reachable(device, moments)
        made += _system(device, moments) if device.job == "snmp" else []
        made += _ups(device, moments) if device.ups else []
        made += _meter(device, moments) if device.job == "modbus" else []
        for port in device.ports:
            made += _port(device, port, moments)
        made += _sums(device, made)
    return [*made, *_sites(moments), *_alerts(moments), *_services(moments)]


def openmetrics(series: Iterable[Line], end: int, hours: float) -> Iterator[str]:
    """Yield the text, one family after the other."""
    times = Moments(end, hours).times
    families: dict[str, list[Line]] = defaultdict(list)
    for line in series:
        families[line.family].append(line)
    for family, members in families.items():
        yield f"# TYPE {family} unknown\n"
        for member in members:
            text = ",".join(f'{name}="{value}"' for name, value in sorted(member.labels.items()))
            for moment, value in zip(times, member.values, strict=True):
                if value is not None:
                    yield f"{family}{{{text}}} {value!r} {moment}\n"
    yield "# EOF\n"


def _reachable(device: Device, moments: Moments) -> list[Line]:
    down = moments.within(device.down)
    up = [0.0 if gone else 1.0 for gone in down]
    seconds = [0.02 + 0.05 * factor for factor in wander(device.name + "scrape", len(down), 0.08)]
    made = [
        Line("up", device.labels, up),
        Line("instance:device_up:min", device.labels, up),
        Line(
            "scrape_duration_seconds",
            device.labels,
            [9.5 if gone else s for gone, s in zip(down, seconds, strict=True)],
        ),
    ]
    if device.job == "snmp":
        modules = ("system", "ups_mib") if device.ups else ("system", "if_mib")
        for module in modules:
            labels = {**device.labels, "module": module}
            walked = [second * (0.2 if module == "system" else 0.7) for second in seconds]
            made.append(Line("snmp_scrape_duration_seconds", labels, absent(walked, down)))
            made.append(
                Line("snmp_scrape_packets_sent", labels, absent(moments.constant(2 if module == "system" else 9), down))
            )
            made.append(Line("snmp_scrape_packets_retried", labels, absent(moments.constant(0), down)))
    return made


def _system(device: Device, moments: Moments) -> list[Line]:
    down = moments.within(device.down)
    restart = moments.end - device.down[1] if device.down else moments.times[0] - UPTIME_START_S
    boot = [moments.times[0] - UPTIME_START_S if moment < restart else restart for moment in moments.times]
    uptime = [100.0 * (moment - start) for moment, start in zip(moments.times, boot, strict=True)]
    said = {"sysName": f"{device.name}.example.org", "sysDescr": device.about, "sysLocation": f"{device.site}, rack 2"}
    return [
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
    return [
        *(Line(name, device.labels, values) for name, values in gauges.items()),
        Line("upsOutputPercentLoad", {**device.labels, "upsOutputLineIndex": "1"}, [float(round(v)) for v in load]),
        Line("upsInputVoltage", {**device.labels, "upsInputLineIndex": "1"}, [float(round(v)) for v in volts]),
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
    return [*made, Line("electrical_total_power_watts", device.labels, total)]


def _port(device: Device, port: Port, moments: Moments) -> list[Line]:
    labels = {
        **device.labels,
        "ifIndex": str(port.index),
        "ifName": port.name,
        "ifAlias": port.alias,
        "ifDescr": port.name,
    }
    down = moments.within(device.down)
    received, sent = _traffic(device, port, moments, port.mean), _traffic(device, port, moments, port.mean * 0.35)
    frames = [value / BYTES_PER_PACKET for value in received]
    state = moments.constant(1 if port.plugged else 2)
    capacity = port.megabits * 1e6 / 8
    gauges = {
        "ifAdminStatus": moments.constant(1),
        "ifOperStatus": state,
        "ifHighSpeed": moments.constant(port.megabits),
    }
    counters = {
        "ifHCInOctets": received,
        "ifHCOutOctets": sent,
        "ifHCInUcastPkts": [value * (1 - port.damaged) for value in frames],
        "ifInErrors": [value * port.damaged for value in frames],
        "ifInDiscards": [value * port.damaged * 0.1 for value in frames],
        "ifOutDiscards": _dropped(device, port, received, moments),
    }
    recorded = {
        "instance_ifName:ifHCInOctets:rate5m": received,
        "instance_ifName:ifHCOutOctets:rate5m": sent,
        "instance_ifName:ifHCInOctets_per_ifHighSpeed:ratio_rate5m": [value / capacity for value in received],
        "instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m": [value / capacity for value in sent],
        "instance_ifName:ifInErrors_per_ifHCInUcastPkts:ratio_rate5m": moments.constant(port.damaged),
    }
    return [
        *(Line(name, labels, absent(values, down)) for name, values in {**gauges, **recorded}.items()),
        *(Line(name, labels, summed(absent(values, down), 1e9)) for name, values in counters.items()),
        *(_scores(labels, port, received, moments, down) if port.watched else []),
    ]


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


def _sums(device: Device, made: Sequence[Line]) -> list[Line]:
    summed_up = []
    for direction in ("In", "Out"):
        family = f"instance_ifName:ifHC{direction}Octets:rate5m"
        members = [line.values for line in made if line.family == family and line.labels["instance"] == device.name]
        if members:
            columns = zip(*members, strict=True)
            total = [None if None in column else sum(value or 0.0 for value in column) for column in columns]
            summed_up.append(Line(f"instance:ifHC{direction}Octets:rate5m", device.labels, total))
    return summed_up


def _sites(moments: Moments) -> list[Line]:
    made = []
    for site in sorted({device.site for device in FLEET}):
        members = [moments.within(device.down) for device in FLEET if device.site == site]
        share = [1 - sum(gone) / len(gone) for gone in zip(*members, strict=True)]
        made.append(Line("site:device_up:avg", {"site": site}, share))
    return made


def _alerts(moments: Moments) -> list[Line]:
    def firing(window: tuple[int, int], **labels: str) -> Line:
        values = [1.0 if fires else None for fires in moments.within(window)]
        return Line("ALERTS", {"alertstate": "firing", **labels}, values)

    hq = {"site": "headquarters", "job": "snmp"}
    core = {**hq, "instance": fleet.DRIFTING[0], "ifName": fleet.DRIFTING[1], "ifAlias": "Uplink to provider"}
    started, ended = fleet.PARTNER_DOWN
    return [
        firing(
            (started - 120, ended - 60),
            alertname="DeviceDown",
            severity="critical",
            instance="branch-rt1",
            site="branch",
            job="snmp",
        ),
        firing(
            (ended, ended - 600),
            alertname="DeviceRebooted",
            severity="warning",
            instance="branch-rt1",
            site="branch",
            job="snmp",
        ),
        firing((fleet.DRIFT[0] - 420, 0), alertname="AnomalyDetected", severity="info", **core, **{"for": QUERY}),
        firing(
            (fleet.BATTERY[0] - 60, 0), alertname="UpsOnBattery", severity="critical", instance=fleet.ON_BATTERY, **hq
        ),
        firing(
            (205 * 60, 0),
            alertname="InterfaceErrorsHigh",
            severity="warning",
            instance="access-2",
            ifName="Gi0/2",
            ifAlias="Desk 2",
            **hq,
        ),
        firing((DAY_S, 0), alertname="Watchdog", severity="none"),
    ]


def _services(moments: Moments) -> list[Line]:
    jobs = {
        "heronwatch-exporter": "127.0.0.1:9810",
        "heronwatch-detector": "127.0.0.1:9811",
        "heronwatch-webhook": "127.0.0.1:9812",
    }
    at = {job: {"job": job, "instance": address} for job, address in jobs.items()}
    exporter, detector, webhook = at.values()
    down = moments.within(fleet.PARTNER_DOWN)
    failing = [0.033 if gone else 0.0 for gone in down]
    hour = moments.of(lambda moment: 3 / 3600 * (1 + math.sin(moment / 900)))
    return [
        *(Line("up", labels, moments.constant(1)) for labels in at.values()),
        Line("heronwatch_exporter_devices", exporter, moments.constant(len(FLEET))),
        Line(
            "heronwatch_exporter_scrapes_total", {**exporter, "module": "if_mib"}, summed(moments.constant(0.23), 9e4)
        ),
        Line(
            "heronwatch_exporter_scrape_failures_total",
            {**exporter, "module": "if_mib", "reason": "timeout"},
            summed(failing, 12),
        ),
        Line(
            "heronwatch_detector_last_success_timestamp_seconds",
            {**detector, "query": QUERY},
            moments.of(lambda t: t - 4.0 - t % 7),
        ),
        Line(
            "heronwatch_webhook_intake_requests_total",
            {**webhook, "integration": "main", "code": "200"},
            summed(moments.constant(1 / 60), 9e3),
        ),
        Line(
            "heronwatch_webhook_incidents",
            {**webhook, "state": "new"},
            [float(on) for on in moments.within((fleet.BATTERY[0] - 60, 0))],
        ),
        Line("heronwatch_webhook_incidents", {**webhook, "state": "acknowledged"}, moments.constant(1)),
        *(
            Line("heronwatch_webhook_notifications_total", {**webhook, "channel": name, "outcome": "accepted"}, sent)
            for name, sent in (("sms", summed(hour, 40)), ("email", summed(hour, 55)))
        ),
    ]
