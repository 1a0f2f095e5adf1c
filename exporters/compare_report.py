"""What a comparison found, as text for a terminal, as JSON, and as a page. Pure."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from msgspec import Struct

from exporters.compare import KINDS, Difference
from exporters.compare_run import Outcome

MOST_LINES = 20
WORDS = {
    "missing": "only the old one has it",
    "extra": "only the new one has it",
    "labels": "other labels",
    "type": "another type",
    "value": "another value",
}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "h1{font-size:1.4rem}h2{font-size:1.05rem;margin:1.75rem 0 .5rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #d5dce3;vertical-align:top}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.85rem;word-break:break-all}"
    ".same{color:#1a7f37}.differs{color:#b42318}.failed{color:#9a6700}"
)


class Report(Struct, frozen=True, kw_only=True):
    """A whole comparison; `left_out` names the families that were not compared."""

    old: str
    new: str
    outcomes: Sequence[Outcome]
    left_out: str

    def count(self, word: str) -> int:
        """Count the outcomes of a kind, as `word_of` names it."""
        return sum(word_of(outcome) == word for outcome in self.outcomes)


def word_of(outcome: Outcome) -> str:
    """Return "same", "differs", or "failed" where both sides did."""
    if outcome.old_failure and outcome.new_failure:
        return "failed"
    return "same" if outcome.same else "differs"


def progress(number: int, count: int, outcome: Outcome) -> str:
    """Return a line for one outcome, as it comes."""
    return f"[{number}/{count}] {outcome.asked.name}: {_verdict(outcome)}"


def _verdict(outcome: Outcome) -> str:
    took = f"old {outcome.old_seconds:.2f} s, new {outcome.new_seconds:.2f} s"
    if not outcome.compared:
        return {"failed": "both fail", "differs": "one side fails"}[word_of(outcome)] + f" ({took})"
    found = f"{len(outcome.differences)} differences" if outcome.differences else "same"
    return f"{found} ({outcome.series:,} series, {took})"


def as_text(report: Report, *, most_lines: int = MOST_LINES) -> str:
    """Return what differs and a summary; `most_lines` for each outcome, 0 for all."""
    return "\n".join([*_details(report, most_lines), *_summary(report)])


def _details(report: Report, most_lines: int) -> Iterator[str]:
    for outcome in report.outcomes:
        lines = list(_lines(outcome))
        if not lines:
            continue
        yield f"{outcome.asked.name}: {_verdict(outcome)}"
        yield from (f"  {line}" for line in (lines[:most_lines] if most_lines else lines))
        if most_lines and len(lines) > most_lines:
            yield f"  … and {len(lines) - most_lines} more (--all shows them)"
        yield ""


def _lines(outcome: Outcome) -> Iterator[str]:
    if outcome.old_failure or outcome.new_failure:
        yield f"old: {outcome.old_failure or 'answers'}"
        yield f"new: {outcome.new_failure or 'answers'}"
    for difference in outcome.differences:
        yield f"{difference.kind:<8}{difference.series}: {said(difference)}"


def said(difference: Difference) -> str:
    """Return a difference without its series.

    >>> said(Difference(kind="value", series="up", old="1", new="0"))
    'old 1, new 0'
    """
    parts = [f"old {difference.old}" if difference.old else "", f"new {difference.new}" if difference.new else ""]
    return ", ".join(part for part in parts if part)


def _summary(report: Report) -> Iterator[str]:
    compared = [outcome for outcome in report.outcomes if outcome.compared]
    kinds = Counter(difference.kind for outcome in report.outcomes for difference in outcome.differences)
    yield (
        f"{len(report.outcomes)} compared: {report.count('same')} the same, {report.count('differs')} different, "
        f"{report.count('failed')} failed on both sides"
    )
    found = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind]) or "no difference in them"
    yield f"{sum(outcome.series for outcome in compared):,} series; {found}" if compared else "nothing to compare"
    old_s, new_s = sum(o.old_seconds for o in compared), sum(o.new_seconds for o in compared)
    yield f"one scrape of each, where both answered, as they measure it: old {old_s:.2f} s, new {new_s:.2f} s"
    yield f"not compared: {report.left_out}"


def as_json(report: Report) -> str:
    """Return everything for programs."""
    value = {
        "old": report.old,
        "new": report.new,
        "same": report.count("same"),
        "different": report.count("differs"),
        "failed": report.count("failed"),
        "not_compared": report.left_out,
        "outcomes": [_as_value(outcome) for outcome in report.outcomes],
    }
    return json.dumps(value, indent=2, ensure_ascii=False)


def _as_value(outcome: Outcome) -> dict[str, object]:
    return {
        "target": outcome.asked.target,
        "module": outcome.asked.module,
        "auth": outcome.asked.auth,
        "verdict": word_of(outcome),
        "series": outcome.series,
        "old_seconds": round(outcome.old_seconds, 4),
        "new_seconds": round(outcome.new_seconds, 4),
        "old_failure": outcome.old_failure,
        "new_failure": outcome.new_failure,
        "rounds": outcome.rounds,
        "differences": [{"kind": d.kind, "series": d.series, "old": d.old, "new": d.new} for d in outcome.differences],
    }


def as_html(report: Report) -> str:
    """Return a page that stands alone."""
    return "\n".join([
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f"<title>Comparison of two exporters</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        "<h1>Comparison of two exporters</h1>",
        f"<p>Old: <code>{escape(report.old)}</code><br>New: <code>{escape(report.new)}</code></p>",
        *(f"<p>{escape(line)}</p>" for line in _summary(report)),
        "<table><tr><th>Target</th><th>Module</th><th>Result</th>",
        '<th class="n">Series</th><th class="n">Old, s</th><th class="n">New, s</th></tr>',
        *map(_row, report.outcomes),
        "</table>",
        *(part for outcome in report.outcomes for part in _section(outcome)),
        "</body>\n</html>\n",
    ])  # fmt: skip


def _row(outcome: Outcome) -> str:
    word = word_of(outcome)
    shown = {"same": "same", "failed": "both fail", "differs": _verdict(outcome).partition(" (")[0]}[word]
    return (
        f"<tr><td>{escape(outcome.asked.target)}</td><td>{escape(outcome.asked.module or 'if_mib')}</td>"
        f'<td class="{word}">{escape(shown)}</td><td class="n">{outcome.series:,}</td>'
        f'<td class="n">{outcome.old_seconds:.2f}</td><td class="n">{outcome.new_seconds:.2f}</td></tr>'
    )


def _section(outcome: Outcome) -> Iterator[str]:
    if word_of(outcome) == "same":
        return
    yield f"<h2>{escape(outcome.asked.name)}</h2>"
    if not outcome.compared:
        old, new = outcome.old_failure or "answers", outcome.new_failure or "answers"
        yield f"<p>Old: {escape(old)}<br>New: {escape(new)}</p>"
    if outcome.differences:
        yield "<table><tr><th>What</th><th>Series</th><th>Old</th><th>New</th></tr>"
        yield from (
            f"<tr><td>{WORDS[d.kind]}</td><td><code>{escape(d.series)}</code></td><td>{escape(d.old)}</td>"
            f"<td>{escape(d.new)}</td></tr>"
            for d in outcome.differences
        )
        yield "</table>"
