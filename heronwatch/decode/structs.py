"""Shapes of mappings with known keys: Structs, Structs picked by a tag, Structs picked by a plug-in's name."""

from collections.abc import Callable, Iterable
from collections.abc import Mapping as AbstractMapping
from typing import Any

import msgspec

from heronwatch.decode.containers import is_nothing
from heronwatch.decode.findings import BAD, At, Findings, Shape
from heronwatch.decode.places import descend
from heronwatch.errors import HeronwatchError
from heronwatch.faults import quoted
from heronwatch.words import hint, listing, nearest
from heronwatch.yaml_nodes import Mapping, Node, Scalar


class ByKey(msgspec.Struct, frozen=True):
    """Marks a mapping whose type is picked by one of its keys when the file is read, for plug-ins.

    `Annotated[Any, ByKey("protocol", names=COLLECTORS.names, type_of=lambda name: COLLECTORS.get(name).module_type)]`.
    `type_of` returns the Struct class or raises a `HeronwatchError`, whose message becomes the fault. The Struct need
    not have the key as a field; when it has, it receives it. Where `default` names a type, the key may be missing.
    """

    key: str
    names: Callable[[], Iterable[str]]
    type_of: Callable[[str], type]
    default: str | None = None


class Field(msgspec.Struct, frozen=True):
    """A field of a Struct: its name in Python, and what is known of its value."""

    name: str
    shape: Shape
    required: bool
    info: Any = None


class StructShape(msgspec.Struct, eq=False):
    """A Struct; `fields` are by the names that stand in YAML (filled after construction: Structs may be recursive)."""

    cls: type[msgspec.Struct]
    fields: dict[str, Field]
    expected: str = "a mapping"

    @property
    def tag_key(self) -> str | None:
        """The key that holds the tag, if the Struct has one."""
        return self.cls.__struct_config__.tag_field

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return the Struct; nothing is a mapping without keys."""
        if is_nothing(node):
            node = Mapping(at.place.file, at.place.line, [])
        if not isinstance(node, Mapping):
            return findings.wrong_kind(at, node, self.expected)
        value = self.decode_keys(node, at, findings, besides=self.tag_key)
        return value if self._has_tag(node, at, findings) else BAD

    def decode_keys(self, node: Mapping, at: At, findings: Findings, *, besides: str | None = None) -> object:
        """Return the Struct; the key `besides` belongs to who picked this Struct, unless it is a field, too."""
        values: dict[str, object] = {}
        unknown: list[Scalar] = []
        for key, child in node.pairs:
            field = self.fields.get(key.text)
            if field is not None:
                values[field.name] = field.shape.decode(child, At(at, key.text, key), findings)
            elif key.text != besides:
                unknown.append(key)
        missing = self._missing(node)
        if unknown or missing:
            self._tell_keys(unknown, missing, at, findings, besides=besides)
            return BAD
        if any(value is BAD for value in values.values()):
            return BAD
        return self._made(values, node, at, findings)

    def _has_tag(self, node: Mapping, at: At, findings: Findings) -> bool:
        tag_key, tag = self.tag_key, str(self.cls.__struct_config__.tag)
        given = node.get(tag_key) if tag_key else None
        if given is None or (isinstance(given, Scalar) and given.text == tag):
            return True
        findings.add(At(at, tag_key or "", given), f"expected {quoted(tag)}")
        return False

    def _missing(self, node: Mapping) -> list[str]:
        present = {key.text for key, _ in node.pairs}
        return [name for name, field in self.fields.items() if field.required and name not in present]

    def _tell_keys(
        self, unknown: list[Scalar], missing: list[str], at: At, findings: Findings, *, besides: str | None
    ) -> None:
        known = [*self.fields, *([besides] if besides and besides not in self.fields else [])]
        meant = set()
        for key in unknown:
            if not findings.full:
                meant.add(nearest(key.text, known))
                findings.opaque(At(at, key.text, key), f"unknown key{hint(key.text, known)}")
        for name in missing:
            if name not in meant:
                findings.add(at, f"missing key {quoted(name)} (expected {self.fields[name].shape.expected})")

    def _made(self, values: dict[str, object], node: Mapping, at: At, findings: Findings) -> object:
        try:
            value = self.cls(**values)
        except ValueError as error:  # from __post_init__
            return findings.add(at, str(error))
        check = getattr(value, "config_faults", None)
        faults = list(check()) if check else []
        for path, message in faults:
            findings.add(descend(node, at, path), message)
        return BAD if faults else value


class ChosenShape(msgspec.Struct, frozen=True):
    """A mapping whose Struct is picked by the word under a key."""

    key: str
    names: Callable[[], Iterable[str]]
    pick: Callable[[str], StructShape]
    default: str | None = None
    expected: str = "a mapping"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return the Struct that the key picks."""
        if is_nothing(node):
            node = Mapping(at.place.file, at.place.line, [])
        if not isinstance(node, Mapping):
            return findings.wrong_kind(at, node, self.expected)
        shape = self._picked(node, at, findings)
        return BAD if shape is None else shape.decode_keys(node, at, findings, besides=self.key)

    def _picked(self, node: Mapping, at: At, findings: Findings) -> StructShape | None:
        pair = next((pair for pair in node.pairs if pair[0].text == self.key), None)
        names = list(self.names())
        if pair is None and self.default is not None:
            return self.pick(self.default)
        if pair is None:
            findings.opaque(at, f"missing key {quoted(self.key)} (expected one of {listing(names)})")
            return None
        key, word = pair
        at_key = At(at, self.key, key)
        if isinstance(word, Scalar) and word.text in names:
            return self._loaded(word.text, at_key, findings)
        if isinstance(word, Scalar) and word.text:
            findings.add(at_key, f"{quoted(word.text)} is not a {self.key}{hint(word.text, names)}")
        else:
            findings.wrong_kind(at_key, word, f"one of {listing(names)}")
        return None

    def _loaded(self, name: str, at: At, findings: Findings) -> StructShape | None:
        try:
            return self.pick(name)
        except HeronwatchError as error:
            findings.add(at, str(error))
            return None


def tagged(shapes: Iterable[StructShape]) -> ChosenShape:
    """Return the shape of a union of Structs that msgspec tags tell apart."""
    by_tag: AbstractMapping[str, StructShape] = {str(s.cls.__struct_config__.tag): s for s in shapes}
    key = next(iter(by_tag.values())).tag_key or "type"
    return ChosenShape(key=key, names=lambda: list(by_tag), pick=by_tag.__getitem__)
