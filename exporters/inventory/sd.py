"""The devices as `http_sd` targets that need no relabelling: https://prometheus.io/docs/prometheus/latest/http_sd/ ."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from exporters.inventory.devices import Device
from heronwatch.values import Duration

PROBE_PATH = "/probe"
PROMETHEUS_TIMEOUT_S = 10.0  # its default scrape_timeout
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


class Place(Struct, frozen=True):
    """How Prometheus reaches this exporter: scheme, host with port, path prefix without a final slash."""

    scheme: str
    host: str
    prefix: str = ""


def place_of(external_url: str, *, scheme: str, host: str) -> Place | None:
    """Return the place by the external URL, else by the request's own scheme and Host; None for no usable host.

    >>> place_of("https://mon.example/hw/", scheme="http", host="127.0.0.1:9810")
    Place(scheme='https', host='mon.example', prefix='/hw')
    """
    if external_url:
        parts = urlsplit(external_url)
        return Place(parts.scheme, parts.netloc, parts.path.rstrip("/"))
    return Place(scheme, host) if _HOST.fullmatch(host) else None


def targets(devices: Iterable[Device], place: Place, filters: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    """Return one group for each device whose labels match: for every name in `filters` one of its values."""
    groups = (_group(device, place) for device in devices)
    return [group for group in groups if _matches(group["labels"], filters)]


def _group(device: Device, place: Place) -> dict[str, Any]:
    labels = {
        **device.labels,
        "__metrics_path__": f"{place.prefix}{PROBE_PATH}",
        "__param_module": ",".join(device.modules),
        "__param_target": device.name,
        "instance": device.name,
        "job": device.protocol,
    }
    if place.scheme != "http":
        labels["__scheme__"] = place.scheme
    if device.interval_s is not None:
        labels["__scrape_interval__"] = str(Duration(device.interval_s))
    timeout_s = _timeout_s(device)
    if timeout_s is not None:
        labels["__scrape_timeout__"] = str(Duration(timeout_s))
    return {"targets": [place.host], "labels": labels}


def _timeout_s(device: Device) -> float | None:
    """Return the device's time-out; Prometheus drops a target whose time-out, 10 s by default, exceeds its interval."""
    if device.timeout_s is None and device.interval_s is not None and device.interval_s < PROMETHEUS_TIMEOUT_S:
        return device.interval_s
    return device.timeout_s


def _matches(labels: Mapping[str, str], filters: Mapping[str, list[str]]) -> bool:
    return all(labels.get(name, "") in values for name, values in filters.items())
