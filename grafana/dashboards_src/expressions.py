"""The PromQL inside a dashboard: every expression with its place, and Grafana's variables filled in. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LABEL_VALUES = re.compile(r"^label_values\((?:(?P<selector>.*),)?\s*(?P<label>[a-zA-Z_]\w*)\)$", re.DOTALL)
# $name, ${name} and ${name:format}; `$$` does not occur in our boards
VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::\w+)?\}|(?P<plain>\w+))")


@dataclass(frozen=True)
class Expression:
    """One expression of a board: `place` says where (panel 3 A, variable site, annotation Restarts)."""

    board: str
    place: str
    text: str
    instant: bool


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every panel but the rows, those inside collapsed rows included."""
    for panel in board["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from panel.get("panels", [])


def expressions(board: Mapping[str, Any]) -> Iterator[Expression]:
    """Yield the expressions of panels, variables and annotations."""
    uid = board["uid"]
    for panel in panels(board):
        for target in panel.get("targets", []):
            place = f"panel {panel['id']} {target['refId']}"
            yield Expression(uid, place, target["expr"], bool(target.get("instant")))
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield Expression(uid, f"variable {variable['name']}", selector_of(variable["query"]), instant=True)
    for note in board["annotations"]["list"]:
        yield Expression(uid, f"annotation {note['name']}", note["expr"], instant=False)


def selector_of(query: str) -> str:
    """Return the selector inside a `label_values(selector, label)` query; ValueError for any other form."""
    found = LABEL_VALUES.match(query)
    if found is None or not found["selector"]:
        raise ValueError(f"not label_values(selector, label): {query}")
    return found["selector"]


def variables_in(text: str) -> set[str]:
    """Return the names of the variables that a text uses, Grafana's own (with two underscores) included."""
    return {found["braced"] or found["plain"] for found in VARIABLE.finditer(text)}


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return the text with its variables replaced; KeyError names one that has no value."""
    return VARIABLE.sub(lambda found: values[found["braced"] or found["plain"]], text)
