"""Several documents → one tree: top-level mappings merge key by key, lists are joined."""

from heronwatch.faults import Issue
from heronwatch.yaml_nodes import Mapping, Node, Scalar, Sequence


def merged(roots: list[Node]) -> tuple[Node, list[Issue]]:
    """Return one tree for the roots of several files, and an issue for every key that two of them define.

    Below a top-level key mappings are merged and lists joined; equal scalars (`version: 1`) may stand in each file.
    """
    if len(roots) == 1:
        return roots[0], []
    issues: list[Issue] = []
    pairs: dict[str, tuple[Scalar, Node]] = {}
    for root in roots:
        if not isinstance(root, Mapping):
            issues.append(Issue(root.file, root.line, (), "expected a mapping, since several files are merged"))
            continue
        for key, value in root.pairs:
            first = pairs.get(key.text)
            pairs[key.text] = (key, value) if first is None else _joined(first, (key, value), issues)
    return Mapping(roots[0].file, roots[0].line, list(pairs.values())), issues


def _joined(first: tuple[Scalar, Node], second: tuple[Scalar, Node], issues: list[Issue]) -> tuple[Scalar, Node]:
    (key, a), (other, b) = first, second
    if isinstance(a, Sequence) and isinstance(b, Sequence):
        return key, Sequence(a.file, a.line, [*a.items, *b.items])
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return key, _union(key.text, a, b, issues)
    if not (isinstance(a, Scalar) and isinstance(b, Scalar) and (a.text, a.plain) == (b.text, b.plain)):
        issues.append(_twice((key.text,), other, key))
    return first


def _union(name: str, a: Mapping, b: Mapping, issues: list[Issue]) -> Mapping:
    keys = {key.text: key for key, _ in a.pairs}
    for key, _ in b.pairs:
        if key.text in keys:
            issues.append(_twice((name, key.text), key, keys[key.text]))
    added = [pair for pair in b.pairs if pair[0].text not in keys]
    return Mapping(a.file, a.line, [*a.pairs, *added])


def _twice(path: tuple[str, ...], key: Scalar, first: Scalar) -> Issue:
    return Issue(key.file, key.line, path, f"duplicate key, first defined at {first.file}:{first.line}")
