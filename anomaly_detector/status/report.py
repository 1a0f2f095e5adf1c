"""What a running detector tells of itself: the answer of `GET /api/v1/status`, as values."""

import msgspec

from anomaly_detector.metrics import Status


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer; `reasons` are those of `/-/ready`, `memory_bytes` is what the process takes, 0 if unknown."""

    version: str
    ready: bool
    reasons: tuple[str, ...]
    memory_bytes: int
    status: Status


def report_of(status: Status, reasons: list[str], *, version: str, memory_bytes: int) -> Report:
    """Return the answer."""
    return Report(version=version, ready=not reasons, reasons=tuple(reasons), memory_bytes=memory_bytes, status=status)
