"""What the page is made of: its style sheet, tables, texts. Pure text."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from html import escape
from typing import Any

from heronwatch.values import Duration

STYLE = """
:root{color-scheme:light dark;--ink:#1c2733;--quiet:#5a6b7b;--line:#d8dee5;--paper:#fff;--tile:#f4f6f8;--blue:#0b5cad;
--band:#0b5cad26;--red:#c62828;--shade:#c6282824;--green:#2e7d32}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ee;--quiet:#9aa8b6;--line:#33404d;--paper:#12181f;--tile:#1b232c;
--blue:#6cb2ff;--band:#6cb2ff30;--red:#ff7b72;--shade:#ff7b7230;--green:#7ed492}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:64rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .4rem}h3{font-size:.95rem;margin:1.4rem 0 .2rem;
overflow-wrap:anywhere}
p{margin:.3rem 0}.quiet{color:var(--quiet)}.tiles{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0}
.tile{background:var(--tile);border-radius:8px;padding:.6rem .9rem;min-width:8.5rem}
.tile b{display:block;font-size:1.5rem;line-height:1.25}.tile span{color:var(--quiet);font-size:.85rem}
.good b{color:var(--green)}.bad b{color:var(--red)}
table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{padding:.25rem .5rem;text-align:right;
border-bottom:1px solid var(--line);vertical-align:top}th{font-weight:600;white-space:nowrap}
th::first-letter{text-transform:uppercase}
td.text,th.text{text-align:left}.when{white-space:nowrap}
.wide{overflow-x:auto}svg{width:100%;min-width:34rem;height:auto;display:block}
.grid{stroke:var(--line);stroke-width:1}.rule{stroke:var(--red);stroke-dasharray:4 3}.tick{fill:var(--quiet);
font:11px system-ui,sans-serif}
.middle{fill:none;stroke:var(--ink);stroke-width:.8}.band{fill:var(--band)}
.edge{fill:none;stroke:var(--blue);stroke-width:.7;opacity:.6;stroke-dasharray:2 2}
.expected{fill:none;stroke:var(--blue);stroke-width:1;opacity:.7}.value{fill:var(--ink);fill-opacity:.35}
.recall{fill:none;stroke:var(--blue);stroke-width:1.6}.share{fill:var(--blue)}.score{fill:none;stroke:var(--red);stroke-width:1.2}
.alarm{fill:var(--shade)}.bar{fill:var(--blue)}.meets{stroke:var(--green);stroke-width:2}
"""
WHEN = frozenset({"begins", "from", "to"})
TEXT = frozenset({"query", "model", "series", "from", "to", "match"})


def frame(data: Any, formats: Mapping[str, str]) -> str:
    """Return a frame of pandas as a table, its numbers written by the formats of their columns."""
    names = [str(name) for name in data.columns]
    rows = [
        tuple(
            formats.get(name, "{:,}" if not isinstance(value, str) else "{}").format(value)
            for name, value in zip(names, row, strict=True)
        )
        for row in data.itertuples(index=False, name=None)
    ]
    return table(names, rows, text={name for name in names if data[name].dtype.kind not in "iuf"})


def table(names: Sequence[str], rows: Iterable[Sequence[str]], *, text: Iterable[str] = TEXT) -> str:
    """Return a table; `text` are the columns that are no numbers."""
    kinds = [("text when" if name in WHEN else "text") if name in set(text) else "" for name in names]
    head = "".join(f'<th class="{kind}">{escape(name)}</th>' for kind, name in zip(kinds, names, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{kind}">{escape(cell)}</td>' for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return wide(f"<table><tr>{head}</tr>{body}</table>")


def wide(inside: str) -> str:
    """Let what is wider than a phone be pushed aside on its own, while the page stays."""
    return f'<div class="wide">{inside}</div>'


def moment(time_s: float, zone: tzinfo) -> str:
    """Return a time for people, to the minute."""
    return f"{datetime.fromtimestamp(time_s, zone):%Y-%m-%d %H:%M}"


def duration(seconds: float) -> str:
    """Return how long something lasts, in whole minutes where it lasts for one."""
    return str(Duration(round(seconds / 60) * 60)) if seconds >= 60 else f"{seconds:.0f}s"


def percent(share: float | None) -> str:
    """Return a share in percent, a word where there is none."""
    return "none" if share is None else f"{share:.0%}"
