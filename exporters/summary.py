"""What a configuration means, for `heronwatch exporter check`."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from exporters.inventory.devices import Device
from exporters.loading import Setup
from heronwatch.values import Duration, HostPort


def as_text(setup: Setup) -> str:
    """Return a summary for people."""
    return "\n".join(_lines(setup))


def _lines(setup: Setup) -> Iterator[str]:
    counts = Counter(device.protocol for device in setup.inventory.devices)
    by_protocol = ", ".join(f"{count} {protocol}" for protocol, count in sorted(counts.items()))
    yield f"devices: {len(setup.inventory.devices)}" + (f" ({by_protocol})" if by_protocol else "")
    yield from (f"  {_device(device)}" for device in setup.inventory.devices)
    for protocol, modules in sorted(setup.modules.items()):
        yield f"modules of {protocol}: {', '.join(sorted(modules)) or 'none'}"
    for protocol, credentials in sorted(setup.credentials.items()):
        if credentials:
            yield f"credentials of {protocol}: {', '.join(_credential(c) for c in credentials.values())}"
    for protocol, library in sorted(setup.libraries.items()):
        if library.allow_any_target:
            yield f"warning: unbound credentials of {protocol} may be sent to any address"


def _device(device: Device) -> str:
    params = "".join(f" {key}={value}" for key, value in sorted(device.params.items()))
    interval = f" every {Duration(device.interval_s)}" if device.interval_s else ""
    credential = f" as {device.credential}" if device.credential else ""
    paused = " (paused)" if device.paused else ""
    place = HostPort(device.host, device.port)
    return (
        f"{device.name}: {device.protocol} {place}{params}: {', '.join(device.modules)}{credential}{interval}{paused}"
    )


def _credential(credential: Any) -> str:
    if not credential.bound:
        return f"{credential.name} (unbound)"
    networks = ", ".join(str(network) for network in credential.networks)
    return f"{credential.name} ({networks or 'the devices that name it'})"


def as_json(setup: Setup) -> str:
    """Return the same for programs; it holds no secret."""
    value = {
        "devices": [
            {
                "name": device.name,
                "protocol": device.protocol,
                "address": str(HostPort(device.host, device.port)),
                "modules": list(device.modules),
                "credential": device.credential,
                "params": dict(device.params),
                "labels": dict(device.labels),
                "paused": device.paused,
            }
            for device in setup.inventory.devices
        ],
        "modules": {protocol: sorted(modules) for protocol, modules in setup.modules.items()},
        "credentials": {protocol: sorted(known) for protocol, known in setup.credentials.items()},
    }
    return json.dumps(value, indent=2)
