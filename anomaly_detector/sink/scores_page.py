"""`/scores`: the newest outputs in the text format, for a Prometheus that scrapes them with `honor_labels: true`.

Every line carries the timestamp of its sample, so that a detector that hangs goes stale instead of repeating itself.
"""

from collections.abc import Iterable

from anomaly_detector.grouping.names import HELP as GROUP_HELP
from anomaly_detector.sink.outputs import Page
from anomaly_detector.sink.series import (
    CONFIDENCE,
    CONTRIBUTION,
    EXPECTED,
    LEVEL,
    LOWER,
    LOWER_BAND,
    SCORE,
    UPPER,
    UPPER_BAND,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HELP = {
    SCORE: "How unusual the series is; above 1 is anomalous.",
    EXPECTED: "Expected value of the series.",
    LOWER: "Lower bound of what is normal.",
    UPPER: "Upper bound of what is normal.",
    LEVEL: "The series itself, in promql-anomaly-detection's name.",
    LOWER_BAND: "Lower bound of what is normal, in promql-anomaly-detection's name.",
    UPPER_BAND: "Upper bound of what is normal, in promql-anomaly-detection's name.",
    CONFIDENCE: "Share of the warm-up that is done; the score is 0 until it is 1.",
    CONTRIBUTION: "Score of one feature of a series that is near alarm.",
    **GROUP_HELP,
}
FORECAST_HELP = "What a model says about the future."


def scores_text(pages: Iterable[Page]) -> bytes:
    """Return the page; each metric's lines stand together, as the format demands."""
    by_name: dict[str, list[Page]] = {name: [] for name in HELP}
    for page in pages:
        by_name.setdefault(page.name, []).append(page)
    out: list[str] = []
    for name, same in by_name.items():
        if same:
            out += (f"# HELP {name} {HELP.get(name, FORECAST_HELP)}", f"# TYPE {name} gauge")
        for page in same:
            out += (
                f"{line} {value!r} {page.time_ms}" for line, value in zip(page.lines, page.values.tolist(), strict=True)
            )
    return "\n".join([*out, ""]).encode()
