"""From a dotted path to a place in the text."""

import re

from heronwatch.decode.findings import At
from heronwatch.faults import Path
from heronwatch.yaml_nodes import Mapping, Node, Scalar, Sequence

_INDEX = re.compile(r"\.?\[?([0-9]+)\]?")
_QUOTED = re.compile(r'\["([^"]*)"\]')


def descend(node: Node, at: At, path: str | Path) -> At:
    """Return the place of a path below a node, or the deepest place on the way that exists.

    Keys may hold dots: of the keys that the rest of a path begins with, the longest is meant.
    """
    return reach(node, at, path)[1]


def reach(node: Node, at: At, path: str | Path) -> tuple[Node | None, At]:
    """Return node and place of a path below a node; the node is None when the path leads nowhere."""
    if not isinstance(path, str):
        return _reach_steps(node, at, path)
    rest = path
    while rest:
        step = _step(node, rest)
        if step is None:
            return None, _pointed(at, rest)
        key, place, node, rest = step
        at = At(at, key, place)
    return node, at


def _pointed(at: At, rest: str) -> At:
    """Return a place for the part of a path that is not in the text (a key with a default): its parent's line."""
    return At(at, rest.lstrip("."), at.place) if rest.lstrip(".") else at


def _reach_steps(node: Node, at: At, path: Path) -> tuple[Node | None, At]:
    for step in path:
        if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            at = At(at, step, node)
            continue
        pair = _pair(node, str(step))
        if pair is None:
            return None, At(at, step, at.place)
        key, node = pair
        at = At(at, key.text, key)
    return node, at


def _pair(node: Node, key: str) -> tuple[Scalar, Node] | None:
    if not isinstance(node, Mapping):
        return None
    return next((pair for pair in node.pairs if pair[0].text == key), None)


def _step(node: Node, rest: str) -> tuple[str | int, Node, Node, str] | None:
    if isinstance(node, Sequence):
        match = _INDEX.match(rest)
        if match is None or int(match[1]) >= len(node.items):
            return None
        item = node.items[int(match[1])]
        return int(match[1]), item, item, rest[match.end() :]
    return _key_step(node, rest) if isinstance(node, Mapping) else None


def _key_step(node: Mapping, rest: str) -> tuple[str | int, Node, Node, str] | None:
    match = _QUOTED.match(rest)
    pair = _pair(node, match[1]) if match else None
    if match and pair:
        return pair[0].text, pair[0], pair[1], rest[match.end() :]
    rest = rest.removeprefix(".")
    pairs = [p for p in node.pairs if _begins(rest, p[0].text)]
    if not pairs:
        return None
    key, value = max(pairs, key=lambda p: len(p[0].text))
    return key.text, key, value, rest[len(key.text) :]


def _begins(rest: str, key: str) -> bool:
    return bool(key) and rest.startswith(key) and rest[len(key) : len(key) + 1] in {"", ".", "["}
