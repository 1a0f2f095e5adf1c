"""What every benchmark prints: a table for people, and as its last line JSON for programs."""

import json
from collections.abc import Mapping, Sequence


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return columns aligned: text to the left, numbers to the right.

    >>> print(table(["who", "per s"], [["ours", 12.5], ["theirs", 3]]))
    who     per s
    ours     12.5
    theirs      3
    """
    cells = [list(headings), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    is_number = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(headings))]
    return "\n".join(_line(row, widths, is_number) for row in cells)


def last_line(benchmark: str, figures: Mapping[str, float], peers: Mapping[str, str]) -> str:
    """Return the line that programs read.

    >>> last_line("walk", {"ratio": 4.25}, {"snmp_exporter": "0.21"})
    '{"benchmark": "walk", "figures": {"ratio": 4.25}, "peers": {"snmp_exporter": "0.21"}}'
    """
    return json.dumps({"benchmark": benchmark, "figures": dict(figures), "peers": dict(peers)})


def report(
    benchmark: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    figures: Mapping[str, float],
    peers: Mapping[str, str],
) -> None:
    """Print the table and the last line."""
    print(table(headings, rows))
    print(last_line(benchmark, figures, peers))


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _line(row: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    cells = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(row, widths, is_number, strict=True)
    ]
    return "  ".join(cells).rstrip()
