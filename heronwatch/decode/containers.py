"""Shapes of lists, tuples, sets, dicts and unions."""

from collections.abc import Callable, Iterable

import msgspec

from heronwatch.decode.findings import BAD, At, Findings, Shape
from heronwatch.decode.scalars import (
    AnyShape,
    BooleanShape,
    NothingShape,
    NumberShape,
    ParsedShape,
    PathShape,
    SecretShape,
    TextShape,
    WholeShape,
    WordShape,
)
from heronwatch.words import either
from heronwatch.yaml_nodes import Mapping, Node, Scalar, Sequence
from heronwatch.yaml_scalars import Kind, kind


def is_nothing(node: Node) -> bool:
    """Say whether a node is an empty value, as in `devices:` with nothing below."""
    return isinstance(node, Scalar) and kind(node) is Kind.NOTHING


class ListShape(msgspec.Struct, frozen=True):
    """A list, set, frozenset or tuple of any length: `make` builds it from the items."""

    item: Shape
    make: Callable[[Iterable[object]], object] = list
    expected: str = "a list"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return the items; nothing is an empty list."""
        if is_nothing(node):
            return self.make(())
        if not isinstance(node, Sequence):
            return findings.wrong_kind(at, node, self.expected)
        values = [self.item.decode(n, At(at, i, n), findings) for i, n in enumerate(node.items)]
        if any(value is BAD for value in values):
            return BAD
        return self._unique(values, node, at, findings) if self.make in {set, frozenset} else self.make(values)

    def _unique(self, values: list[object], node: Sequence, at: At, findings: Findings) -> object:
        seen: dict[object, int] = {}
        for index, value in enumerate(values):
            first = seen.setdefault(value, index)
            if first != index:
                return findings.add(At(at, index, node.items[index]), f"the same as entry [{first}]")
        return self.make(values)


class TupleShape(msgspec.Struct, frozen=True):
    """A tuple of fixed length."""

    items: tuple[Shape, ...]

    @property
    def expected(self) -> str:
        """The length in words."""
        return f"a list of {len(self.items)}"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return a tuple."""
        if not isinstance(node, Sequence):
            return findings.wrong_kind(at, node, self.expected)
        if len(node.items) != len(self.items):
            return findings.add(at, f"expected {self.expected}, found a list of {len(node.items)}")
        pairs = enumerate(zip(self.items, node.items, strict=True))
        values = tuple(shape.decode(n, At(at, i, n), findings) for i, (shape, n) in pairs)
        return BAD if any(value is BAD for value in values) else values


class DictShape(msgspec.Struct, frozen=True):
    """A dict of any keys."""

    key: Shape
    value: Shape
    expected: str = "a mapping"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return a dict; nothing is an empty dict."""
        if is_nothing(node):
            return {}
        if not isinstance(node, Mapping):
            return findings.wrong_kind(at, node, self.expected)
        values: dict[object, object] = {}
        good = True
        for key_node, value_node in node.pairs:
            at_pair = At(at, key_node.text, key_node)
            key = self._key(key_node, at_pair, findings)
            value = self.value.decode(value_node, at_pair, findings)
            if key in values:
                key = findings.add(at_pair, "duplicate key: another spelling of the same value stands above")
            good = good and key is not BAD and value is not BAD
            values[key] = value
        return values if good else BAD

    def _key(self, node: Scalar, at: At, findings: Findings) -> object:
        before = len(findings.issues)
        key = self.key.decode(node, at, findings)
        for index in range(before, len(findings.issues)):
            issue = findings.issues[index]
            findings.issues[index] = msgspec.structs.replace(issue, message=f"as a key: {issue.message}")
        return key


class UnionShape(msgspec.Struct, frozen=True):
    """One of several shapes: the first that takes the node."""

    members: tuple[Shape, ...]

    @property
    def expected(self) -> str:
        """The members' words, joined."""
        return either(member.expected for member in self.members)

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return the value of the first member without a fault; with one candidate only, its faults are told."""
        candidates = [member for member in self.members if _may_take(member, node)]
        if len(candidates) == 1:
            return candidates[0].decode(node, at, findings)
        for candidate in candidates:
            trial = Findings(findings.sources)
            value = candidate.decode(node, at, trial)
            if not trial.issues:
                findings.adopt(trial)
                return value
        return self._refuse(node, at, findings)

    def _refuse(self, node: Node, at: At, findings: Findings) -> object:
        inner = [getattr(member, "inner", member) for member in self.members]
        if any(isinstance(member, SecretShape) for member in inner):
            findings.secrets.append((at, node))
        echo = isinstance(node, Scalar) and all(isinstance(member, _ECHOED) for member in inner)
        return (findings.expected if echo else findings.wrong_kind)(at, node, self.expected)


_KINDS: dict[type, frozenset[Kind]] = {
    NothingShape: frozenset({Kind.NOTHING}),
    BooleanShape: frozenset({Kind.BOOLEAN, Kind.TRAP}),
    WholeShape: frozenset({Kind.WHOLE, Kind.TRAP}),
    NumberShape: frozenset({Kind.WHOLE, Kind.NUMBER, Kind.TRAP}),
}


def _may_take(shape: Shape, node: Node) -> bool:
    """Say whether a member of a union is worth trying."""
    inner = getattr(shape, "inner", shape)
    if isinstance(inner, AnyShape):
        return True
    if isinstance(node, Mapping):
        return not isinstance(inner, _ONLY_SCALAR) and not isinstance(inner, ListShape | TupleShape)
    if isinstance(node, Sequence):
        return isinstance(inner, ListShape | TupleShape)
    if isinstance(inner, ListShape | TupleShape | DictShape) or hasattr(inner, "fields"):
        return False
    what = kind(node)
    kinds = _KINDS.get(type(inner))
    return what in kinds if kinds else what is not Kind.NOTHING


_ONLY_SCALAR = (NothingShape, BooleanShape, WholeShape, NumberShape, TextShape, PathShape, WordShape, ParsedShape)
_ECHOED = _ONLY_SCALAR  # never a secret, nor what may hold one: text in the wrong place may be a password
