"""How long a scrape may take: what Prometheus gives, less what the answer needs on its way back."""

from math import isfinite

HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
OFFSET_S = 0.5  # as blackbox_exporter's --timeout-offset
DEFAULT_S = 10.0  # Prometheus' own default scrape_timeout
MOST_S = 300.0
LEAST_S = 0.1


def budget_s(header: str | None, *, timeout_s: float | None = None) -> float:
    """Return the seconds that a scrape may take; `timeout_s` is the device's own limit.

    >>> budget_s("3"), budget_s(None), budget_s("0.2"), budget_s("1e9"), budget_s("soon"), budget_s("3", timeout_s=1)
    (2.5, 9.5, 0.1, 299.5, 9.5, 1)
    """
    given = _seconds(header) if header else None
    budget = max(LEAST_S, min(given or DEFAULT_S, MOST_S) - OFFSET_S)
    return budget if timeout_s is None else min(budget, timeout_s)


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and value > 0 else None
