"""Shapes of single values: numbers, text, words of a list, own value types, secrets."""

import enum
from collections.abc import Callable
from collections.abc import Mapping as AbstractMapping
from pathlib import Path
from typing import Protocol, Self

import msgspec

from heronwatch.decode.findings import At, Findings, kind_only
from heronwatch.faults import quoted
from heronwatch.secret_sources import SecretUnavailable
from heronwatch.secrets import DIGEST, Secret
from heronwatch.words import MOST_LISTED, hint, nearest
from heronwatch.yaml_nodes import Mapping, Node, Scalar, Sequence
from heronwatch.yaml_scalars import Kind, boolean, found, kind, number, text_trouble, trap, whole

SECRET_EXPECTED = "a secret ({env: NAME}, {file: path} or text)"  # noqa: S105  # no secret, a message
LITERAL_SECRET = "the secret stands in the file as text; use {env: NAME} or {file: path}"  # noqa: S105


class Parsed(Protocol):
    """A value type of its own: see `heronwatch.values`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the value that a text means, or raise `ValueError` with a message."""
        ...


class NothingShape(msgspec.Struct, frozen=True):
    """The type None: an empty value, `~` or `null`."""

    expected: str = "nothing"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return None."""
        if isinstance(node, Scalar) and kind(node) is Kind.NOTHING:
            return None
        return findings.expected(at, node, self.expected)


class BooleanShape(msgspec.Struct, frozen=True):
    """The type bool: true or false, and not YAML 1.1's yes, no, on, off."""

    expected: str = "true or false"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return a bool."""
        value = boolean(node) if isinstance(node, Scalar) else None
        if value is not None:
            return value
        meant = trap(node.text) if isinstance(node, Scalar) and node.plain else None
        if isinstance(node, Scalar) and meant in {"the boolean true", "the boolean false"}:
            word = meant.removeprefix("the boolean ")
            return findings.add(at, f"expected {self.expected}, found {quoted(node.text)} (write {word})")
        return findings.expected(at, node, self.expected)


class WholeShape(msgspec.Struct, frozen=True):
    """The type int."""

    expected: str = "a whole number"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return an int."""
        value = whole(node) if isinstance(node, Scalar) else None
        return findings.expected(at, node, self.expected) if value is None else value


class NumberShape(msgspec.Struct, frozen=True):
    """The type float."""

    expected: str = "a number"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return a float."""
        value = number(node) if isinstance(node, Scalar) else None
        return findings.expected(at, node, self.expected) if value is None else value


class TextShape(msgspec.Struct, frozen=True):
    """The type str; `verbatim` takes every scalar as it was written, else only what all readers read the same."""

    verbatim: bool = False
    expected: str = "text"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return a str."""
        if not isinstance(node, Scalar) or kind(node) is Kind.NOTHING:
            return findings.expected(at, node, self.expected)
        trouble = None if self.verbatim else text_trouble(node)
        if trouble:
            return findings.add(at, f"expected {self.expected}; {trouble}")
        return node.text


class WordShape(msgspec.Struct, frozen=True):
    """One of some words: a Literal or an Enum. `title` is what people call them, if anything."""

    words: AbstractMapping[str, object]
    title: str | None = None

    @property
    def expected(self) -> str:
        """The title, else the words."""
        shown = [quoted(v) if isinstance(v, str) else w for w, v in self.words.items()]
        return self.title or (shown[0] if len(shown) == 1 else f"one of {', '.join(shown[:MOST_LISTED])}")

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return the value that the word stands for."""
        if not isinstance(node, Scalar) or kind(node) is Kind.NOTHING:
            return findings.expected(at, node, self.expected)
        for word, value in self.words.items():
            if word == node.text and (isinstance(value, str | enum.Enum) or node.plain):
                return value
        return findings.add(at, self._message(node))

    def _message(self, node: Scalar) -> str:
        if self.title:
            return f"{quoted(node.text)} is not {self.title}{hint(node.text, self.words)}"
        near = nearest(node.text, self.words)
        return f"expected {self.expected}, found {found(node)}" + (f" (did you mean {quoted(near)}?)" if near else "")


class ParsedShape(msgspec.Struct, frozen=True):
    """An own value type, by its `parse`."""

    cls: type[Parsed]
    expected: str

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return what `parse` returns for the text as it was written."""
        if not isinstance(node, Scalar) or (node.plain and not node.text):
            return findings.expected(at, node, self.expected)
        try:
            return self.cls.parse(node.text)
        except ValueError as error:
            return findings.add(at, str(error))


class PathShape(msgspec.Struct, frozen=True):
    """A `pathlib.Path`; a relative one starts at the folder of the configuration file."""

    expected: str = "a path"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return a Path."""
        if not isinstance(node, Scalar) or not node.text or "\0" in node.text:
            return findings.expected(at, node, self.expected)
        return Path(node.file).parent / node.text


class SecretShape(msgspec.Struct, frozen=True):
    """A `Secret`. Nothing that stands under it is ever echoed."""

    expected: str = SECRET_EXPECTED

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return a Secret."""
        findings.secrets.append((at, node))
        if isinstance(node, Mapping):
            return self._referred(node, at, findings)
        if isinstance(node, Sequence) or (node.plain and kind(node) is Kind.NOTHING):
            return findings.wrong_kind(at, node, self.expected)
        if node.text and not DIGEST.fullmatch(node.text):
            findings.warn(at, LITERAL_SECRET)
        return Secret(node.text)

    def _referred(self, node: Mapping, at: At, findings: Findings) -> object:
        names = [name.text for name, _ in node.pairs]
        if len(names) != 1 or names[0] not in {"env", "file"}:
            near = next((n for name in names if (n := nearest(name, ["env", "file"]))), None)
            end = f" (did you mean '{near}'?)" if near and len(names) == 1 else ""
            return findings.add(at, f"expected {self.expected}, found a mapping with other keys{end}")
        _, value = node.pairs[0]
        if not isinstance(value, Scalar) or not value.text:
            return findings.add(at, f"expected {self.expected}, found {kind_only(value)} under '{names[0]}'")
        try:
            if names[0] == "env":
                return findings.sources.from_env(value.text)
            return findings.sources.from_file(value.text, folder=Path(value.file).parent)
        except SecretUnavailable as error:
            return findings.add(at, str(error))


class AnyShape(msgspec.Struct, frozen=True):
    """The type Any: plain Python values; what it holds is masked until a type is known (`Loaded.decode`)."""

    expected: str = "anything"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return None, bool, int, float, str, list or dict."""
        findings.unread.append(node)
        return self._value(node, at, findings)

    def _value(self, node: Node, at: At, findings: Findings) -> object:
        if isinstance(node, Mapping):
            return {k.text: self._value(v, At(at, k.text, k), findings) for k, v in node.pairs}
        if isinstance(node, Sequence):
            return [self._value(v, At(at, i, v), findings) for i, v in enumerate(node.items)]
        return _plain_value(node)


def _plain_value(node: Scalar) -> object:
    """Return a scalar by the core schema of YAML 1.2; what readers disagree about is text."""
    what = kind(node)
    if what is Kind.NOTHING:
        return None
    reader = _READERS.get(what)
    value = reader(node) if reader else None
    return node.text if value is None else value


_READERS: dict[Kind, Callable[[Scalar], bool | float | None]] = {
    Kind.BOOLEAN: boolean,
    Kind.WHOLE: whole,
    Kind.NUMBER: number,
}
