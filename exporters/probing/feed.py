"""The seam of what pushes: a `Feed` hears a broker and hands samples to a `Sink`.

With several workers each feed runs in exactly one of them: its owner, `ownership.owner(name, workers)`.
"""

from collections.abc import Sequence
from typing import Protocol

from exporters.metric.samples import Fault, Sample


class Sink(Protocol):
    """Where a feed puts what it heard; served under `/feeds/NAME`."""

    def put(self, device: str, samples: Sequence[Sample], *, expires_after_s: float) -> None:
        """Replace the samples of one device; they vanish unless renewed within `expires_after_s` seconds."""
        ...

    def drop(self, device: str) -> None:
        """Forget a device at once (it said goodbye)."""
        ...

    def fault(self, fault: Fault) -> None:
        """Count something that could not be read; `fault.module` is the route's name."""
        ...


class Feed(Protocol):
    """One subscription. It never publishes: see docs/exporters/safe-for-devices.md."""

    name: str

    async def run(self, sink: Sink) -> None:
        """Subscribe and deliver until cancelled; reconnect by itself with back-off."""
        ...
