"""`GET /api/v1/status`: how the detector is, as JSON."""

import resource
from collections.abc import Callable
from pathlib import Path

import msgspec

from anomaly_detector.status.report import Report
from heronwatch import pages
from heronwatch.http_message import JSON, Request, Response

PATH = "/api/v1/status"
STATM = Path("/proc/self/statm")  # proc(5): the second number is the resident size in pages


def answer(request: Request, report: Callable[[], Report]) -> Response:
    """Answer a request for PATH."""
    if request.method not in {"GET", "HEAD"}:
        return pages.method_not_allowed(("GET", "HEAD"))
    return Response(body=msgspec.json.encode(report()) + b"\n", content_type=JSON)


def resident_bytes() -> int:
    """Return how much memory this process takes; 0 where the system does not tell."""
    try:
        return int(STATM.read_text().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0
