"""Gives the demo a past: a week of traffic written as Prometheus blocks, and the same counters going on live."""

import json
import math
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.observe import fetch
from demo.site import CORE_SWITCH, Site
from demo.supervisor import ChildError
from demo.traffic import STEP_S, Counter, openmetrics, week_before

AHEAD_S = 2 * 3600
EVERY_S = 1800
SAMPLE = re.compile(r"^(?P<family>\w+)(?P<labels>\{[^}]*\}) (?P<value>\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# IF-MIB (RFC 2863): ifXTable columns of the two octet counters and of ifAlias
COLUMNS = {"ifHCInOctets": "1.3.6.1.2.1.31.1.1.1.6", "ifHCOutOctets": "1.3.6.1.2.1.31.1.1.1.10"}
# … and the column of unicast packets that moves with each
PACKETS = {"ifHCInOctets": "1.3.6.1.2.1.31.1.1.1.7", "ifHCOutOctets": "1.3.6.1.2.1.31.1.1.1.11"}
OCTETS_PER_PACKET = 700
USUAL_OCTETS_PER_S = 4e7  # of a device's busiest interface, where that is no more than the share of its speed
USUAL_SHARE = 0.3
BACKFILL_TIMEOUT_S = 180
SCRAPES_AT_ONCE = 4


@dataclass(frozen=True)
class Series:
    """One counter of one interface: how Prometheus labels it, which OID the simulator serves it under."""

    device: str
    family: str
    labels: dict[str, str]
    counter: Counter

    @property
    def oid(self) -> str:
        """The counter's instance OID."""
        return f"{COLUMNS[self.family]}.{self.labels['ifIndex']}"

    def live(self, first: float, last: float) -> dict[str, dict[str, Any]]:
        """Return what the simulator is to serve between two moments: the octets and the packets they came in."""
        octets = self.counter.points(first, last)
        packets = [(moment, value // OCTETS_PER_PACKET) for moment, value in octets]
        return {
            self.oid: {"type": "counter64", "points": octets},
            f"{PACKETS[self.family]}.{self.labels['ifIndex']}": {"type": "counter64", "points": packets},
        }


class Traffic:
    """All moving counters of the site, and the one that is going to drift."""

    def __init__(self, series: list[Series]) -> None:
        if not series:
            raise ChildError("no interface with traffic was found on the simulated switches")
        self.series = series
        self.uplink = next(one for one in series if one.device == CORE_SWITCH and one.family == "ifHCInOctets")
        self._written_at = 0.0

    def write_live(self, site: Site, now: float) -> None:
        """Hand the simulators the next two hours."""
        for device in {one.device for one in self.series}:
            values: dict[str, dict[str, Any]] = {}
            for one in self.series:
                if one.device == device:
                    values |= one.live(now - 10 * STEP_S, now + AHEAD_S)
            replace(site.live_file(device), json.dumps(values))
        self._written_at = now

    def keep_going(self, site: Site, now: float) -> None:
        """Hand over more, where the last hand-over is old."""
        if now - self._written_at > EVERY_S:
            self.write_live(site, now)

    def drift(self, site: Site, now: float, factor: float) -> None:
        """Let the uplink carry `factor` times its usual traffic from now on."""
        self.uplink.counter.surge(now, factor)
        self.write_live(site, now)


def discover(site: Site, now: float) -> Traffic:
    """Read each switch once through the exporter: the labels of the history are the exporter's own."""
    status, body = fetch(f"{site.url(site.exporter_port)}/sd")
    if status != 200:
        raise ChildError(f"the exporter's /sd answered {status}: {body[:200]}")
    moving = {device.name: device.moving for device in site.devices if device.moving}
    targets = [group["labels"] for group in json.loads(body) if group["labels"]["instance"] in moving]
    with ThreadPoolExecutor(SCRAPES_AT_ONCE) as pool:
        found = pool.map(lambda labels: list(_series_of(site, labels, moving[labels["instance"]], now)), targets)
        return Traffic([one for of_device in found for one in of_device])


def _series_of(site: Site, target: dict[str, str], moving: int, now: float) -> Iterator[Series]:
    parameters = "&".join(f"{k.removeprefix('__param_')}={v}" for k, v in target.items() if k.startswith("__param_"))
    status, body = fetch(f"{site.url(site.exporter_port)}{target['__metrics_path__']}?{parameters}")
    if status != 200:
        raise ChildError(f"the first scrape of {target['instance']} answered {status}: {body[:300]}")
    kept = {name: value for name, value in target.items() if not name.startswith("__")}
    samples = [
        (found["family"], dict(LABEL.findall(found["labels"])), found["value"]) for found in SAMPLE.finditer(body)
    ]
    up = {labels["ifIndex"] for family, labels, value in samples if family == "ifOperStatus" and float(value) == 1}
    busiest = sorted(
        ((float(value), labels["ifIndex"]) for family, labels, value in samples if family == "ifHCInOctets"),
        reverse=True,
    )
    chosen = [index for value, index in busiest if index in up and value > 0][:moving]
    speeds = {labels["ifIndex"]: float(value) * 1e6 / 8 for family, labels, value in samples if family == "ifHighSpeed"}
    start = week_before(now)[0]
    for family, labels, value in samples:
        if family in COLUMNS and labels["ifIndex"] in chosen:
            rank = chosen.index(labels["ifIndex"]) + 1
            usual = min(USUAL_OCTETS_PER_S, (speeds.get(labels["ifIndex"]) or math.inf) * USUAL_SHARE)
            counter = Counter(
                name=f"{target['instance']}{family}{labels['ifIndex']}",
                mean_octets_per_s=usual / rank * (0.6 if family == "ifHCOutOctets" else 1),
                start=start,
                first_value=int(float(value)),
            )
            yield Series(target["instance"], family, {**labels, **kept}, counter)


def backfill(site: Site, traffic: Traffic, promtool: str, data: Path, moments: Sequence[int]) -> int:
    """Write what was at some moments as Prometheus blocks; returns the number of samples of counters.

    Raises ChildError when promtool refuses.
    """
    text = site.folder / "history.om"
    samples = 0
    with text.open("w") as output:
        for family in COLUMNS:
            rows = {_label_text(one.labels): one.counter.at(moments) for one in traffic.series if one.family == family}
            samples += sum(len(points) for points in rows.values())
            output.writelines(openmetrics(family, rows))
        devices = {one.device: one.labels for one in traffic.series}
        up = {
            _label_text({k: labels[k] for k in ("instance", "job", "site") if k in labels}): [(t, 1.0) for t in moments]
            for labels in devices.values()
        }
        output.writelines(openmetrics("up", up))
        output.write("# EOF\n")
    done = subprocess.run(
        # promtool reads the whole file once for each block: few long blocks are quicker than 84 of two hours
        [promtool, "tsdb", "create-blocks-from", "--max-block-duration=162h", "openmetrics", str(text), str(data)],
        capture_output=True,
        text=True,
        timeout=BACKFILL_TIMEOUT_S,
        check=False,
    )
    text.unlink()
    if done.returncode != 0:
        raise ChildError(f"promtool could not write the history: {done.stderr[-500:]}")
    return samples


def ups_on_battery(site: Site, device: str, since: float) -> None:
    """From `since` on, let the UPS say that its input is gone (UPS-MIB, RFC 1628)."""
    later = since + 24 * 3600
    values = {
        # the output source is the battery, value 5
        "1.3.6.1.2.1.33.1.4.1.0": {"type": "integer", "points": [[since, 5], [later, 5]]},
        # upsBatteryStatus is still normal (2), and upsSecondsOnBattery counts
        "1.3.6.1.2.1.33.1.2.1.0": {"type": "integer", "points": [[since, 2], [later, 2]]},
        "1.3.6.1.2.1.33.1.2.2.0": {"type": "integer", "points": [[since, 1], [later, 86401]]},
    }
    replace(site.live_file(device), json.dumps(values))


def ups_on_mains(site: Site, device: str) -> None:
    """Let the UPS say that all is well."""
    now = time.time()
    values = {
        "1.3.6.1.2.1.33.1.4.1.0": {"type": "integer", "points": [[now, 3], [now + 1, 3]]},
        "1.3.6.1.2.1.33.1.2.1.0": {"type": "integer", "points": [[now, 2], [now + 1, 2]]},
        "1.3.6.1.2.1.33.1.2.2.0": {"type": "integer", "points": [[now, 0], [now + 1, 0]]},
    }
    replace(site.live_file(device), json.dumps(values))


def replace(path: Path, text: str) -> None:
    """Write a file in one step, so that its reader never sees half of it."""
    temporary = path.with_suffix(".new")
    temporary.write_text(text)
    temporary.replace(path)


def _label_text(labels: dict[str, str]) -> str:
    # values come escaped from the exporter's own text, so they go out as they are
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
