"""`/scores`: the newest outputs in the text format, for a Prometheus that scrapes them with `honor_labels: true`.

Every line carries the timestamp of its sample, so that a detector that hangs goes stale instead of repeating itself.
"""

from collections.abc import Iterable

from anomaly_detector.sink.outputs import Page
from anomaly_detector.sink.series import CONFIDENCE, EXPECTED, LOWER, SCORE, UPPER

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HELP = {
    SCORE: "How unusual the series is; above 1 is anomalous.",
    EXPECTED: "Expected value of the series.",
    LOWER: "Lower bound of what is normal.",
    UPPER: "Upper bound of what is normal.",
    CONFIDENCE: "Share of the warm-up that is done; the score is 0 until it is 1.",
}


def scores_text(pages: Iterable[Page]) -> bytes:
    """Return the page; each metric's lines stand together, as the format demands."""
    by_name: dict[str, list[Page]] = {name: [] for name in HELP}
    for page in pages:
        by_name[page.name].append(page)
    out: list[str] = []
    for name, same in by_name.items():
        if same:
            out += (f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge")
        for page in same:
            out += (
                f"{line} {value!r} {page.time_ms}" for line, value in zip(page.lines, page.values.tolist(), strict=True)
            )
    return "\n".join([*out, ""]).encode()
