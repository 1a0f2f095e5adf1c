"""YAML text → a tree of nodes that know their file and line; nothing is interpreted yet.

The tree is built from libyaml's event stream, iteratively, so that no text can exhaust the stack, and with bounds on
size, depth and alias expansion ("billion laughs").
"""

from typing import NoReturn

import msgspec
import yaml
from yaml import events

from heronwatch.errors import ConfigError
from heronwatch.faults import Fault, Issue, Step
from heronwatch.yaml_syntax import syntax_fault

MOST_BYTES = 32 * 1024 * 1024
"""Largest file read: 15 times the largest public snmp.yml."""

MOST_DEPTH = 64
"""Deepest nesting; the deepest shipped configuration has 9 levels."""

MOST_NODES = 2_000_000
"""Most nodes once aliases are expanded: 12 times the largest public snmp.yml."""

_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))
_CONTAINER_TAGS = frozenset({"!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


class Scalar(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A text; `plain` when it stood without quotes and may mean a number, a boolean or nothing."""

    file: str
    line: int
    text: str
    plain: bool

    def __repr__(self) -> str:  # the text may be a secret
        return f"Scalar({self.file}:{self.line})"


class Sequence(msgspec.Struct, frozen=True, eq=False):
    """A list of nodes."""

    file: str
    line: int
    items: list["Node"]


class Mapping(msgspec.Struct, frozen=True, eq=False):
    """Pairs of key and value in the order of the text; keys are unique."""

    file: str
    line: int
    pairs: list[tuple[Scalar, "Node"]]

    def get(self, key: str) -> "Node | None":
        """Return the value of a key, or None."""
        return next((value for name, value in self.pairs if name.text == key), None)


Node = Scalar | Sequence | Mapping


class Document(msgspec.Struct, frozen=True):
    """The root of a file, None when it is empty, and what was wrong with its form without making it unreadable."""

    root: Node | None
    issues: list[Issue]


def compose(text: str, file: str) -> Document:
    """Return the tree of one YAML document; raises `ConfigError` when the text is no such document.

    >>> compose("a: 1", "a.yml").root.pairs[0][1].text
    '1'
    """
    data = _encoded(text, file)
    builder = _Builder(file)
    try:
        for event in yaml.parse(data, Loader=yaml.CSafeLoader):
            builder.feed(event)
    except yaml.YAMLError as error:
        raise ConfigError([syntax_fault(error, data, file)]) from error
    return Document(root=builder.root, issues=builder.issues)


def _encoded(text: str, file: str) -> bytes:
    if len(text) > MOST_BYTES:
        raise ConfigError([Fault(file, 0, "", f"larger than {MOST_BYTES} bytes")])
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise ConfigError([Fault(file, line, "", "holds half of a surrogate pair, which is no character")]) from error


class _Frame:
    """A container that is still open."""

    __slots__ = ("anchor", "height", "key", "keys", "merge", "node", "start_count")

    def __init__(self, node: Sequence | Mapping, anchor: str | None, start_count: int) -> None:
        self.node = node
        self.anchor = anchor
        self.start_count = start_count
        self.height = 1
        self.key: Scalar | None = None
        self.keys: dict[str, Scalar] = {}
        self.merge: Node | None = None

    def step(self) -> Step | None:
        """Return the key or index at which the next value goes; None while the key itself is read."""
        if isinstance(self.node, Sequence):
            return len(self.node.items)
        return self.key.text if self.key else None


class _Anchored(msgspec.Struct, frozen=True):
    node: Node
    nodes: int
    height: int


class _Builder:
    """Puts nodes together, event by event."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Node | None = None
        self.issues: list[Issue] = []
        self._frames: list[_Frame] = []
        self._anchors: dict[str, _Anchored | None] = {}  # None: still open
        self._count = 0
        self._documents = 0

    def feed(self, event: events.Event) -> None:
        if isinstance(event, events.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, events.MappingStartEvent):
            self._open(event, Mapping(self.file, _line(event), []))
        elif isinstance(event, events.SequenceStartEvent):
            self._open(event, Sequence(self.file, _line(event), []))
        elif isinstance(event, events.CollectionEndEvent):
            self._close()
        elif isinstance(event, events.AliasEvent):
            self._alias(event)
        elif isinstance(event, events.DocumentStartEvent):
            self._document(event)

    def _document(self, event: events.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            self._refuse(_line(event), "a second document ('---') begins here; a file holds one document")

    def _scalar(self, event: events.ScalarEvent) -> None:
        line = _line(event)
        plain = event.implicit[0]
        if event.tag is not None:
            plain = self._plain_by_tag(event, line)
        node = Scalar(self.file, line, event.value, plain)
        self._grow(1, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(node, 1, 0)
        self._add(node)

    def _plain_by_tag(self, event: events.ScalarEvent, line: int) -> bool:
        if event.tag not in _TEXT_TAGS and event.tag not in _PLAIN_TAGS:
            self._issue(line, "a tag ('!…') has no meaning here; put text that begins with '!' in quotes")
        return event.tag in _PLAIN_TAGS

    def _open(self, event: events.CollectionStartEvent, node: Sequence | Mapping) -> None:
        if event.tag is not None and event.tag not in _CONTAINER_TAGS:
            self._issue(node.line, "a tag ('!…') has no meaning here; put text that begins with '!' in quotes")
        if len(self._frames) >= MOST_DEPTH:
            self._refuse_depth(node.line)
        self._grow(1, node.line)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._frames.append(_Frame(node, event.anchor, self._count - 1))

    def _close(self) -> None:
        frame = self._frames.pop()
        if frame.merge is not None and isinstance(frame.node, Mapping):
            self._merge(frame, frame.node)
        if frame.anchor is not None:
            nodes = self._count - frame.start_count
            self._anchors[frame.anchor] = _Anchored(frame.node, nodes, frame.height)
        if self._frames:
            self._frames[-1].height = max(self._frames[-1].height, frame.height + 1)
        self._add(frame.node)

    def _alias(self, event: events.AliasEvent) -> None:
        line = _line(event)
        name = event.anchor or ""
        if name not in self._anchors:  # not echoed: it may be a password that begins with '*'
            self._refuse(
                line, "an alias ('*…') that no anchor ('&…') before it defines; put text that begins with '*' in quotes"
            )
        anchored = self._anchors[name]
        if anchored is None:
            self._refuse(line, "an alias ('*…') that contains itself")
        self._grow(anchored.nodes, line)
        if len(self._frames) + anchored.height > MOST_DEPTH:
            self._refuse_depth(line)
        if self._frames:
            self._frames[-1].height = max(self._frames[-1].height, anchored.height + 1)
        self._add(anchored.node)

    def _add(self, node: Node) -> None:
        if not self._frames:
            self.root = node
            return
        frame = self._frames[-1]
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node)
        else:
            self._pair(frame, frame.key, node)

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            return node
        self._issue(
            node.line, "a key is one word, not a list or a mapping; put text that begins with '{' or '[' in quotes"
        )
        return Scalar(self.file, node.line, "?", plain=False)

    def _pair(self, frame: _Frame, key: Scalar, node: Node) -> None:
        first = frame.keys.setdefault(key.text, key)
        if first is not key:
            self._issue(key.line, f"duplicate key, first defined on line {first.line}")
        elif key.text == "<<" and key.plain:
            frame.merge = node
        elif isinstance(frame.node, Mapping):
            frame.node.pairs.append((key, node))
        frame.key = None

    def _merge(self, frame: _Frame, node: Mapping) -> None:
        """Add the pairs of a merge key (yaml.org/type/merge.html): keys of the mapping itself win, then the first."""
        sources = frame.merge.items if isinstance(frame.merge, Sequence) else [frame.merge]
        for source in sources:
            if not isinstance(source, Mapping):
                self._issue(node.line, "a merge key ('<<') takes a mapping or a list of mappings")
                continue
            self._grow(len(source.pairs), node.line)
            for key, value in source.pairs:
                if frame.keys.setdefault(key.text, key) is key:
                    node.pairs.append((key, value))

    def _grow(self, nodes: int, line: int) -> None:
        self._count += nodes
        if self._count > MOST_NODES:
            self._refuse(line, f"more than {MOST_NODES} values once aliases are expanded")

    def _path(self) -> tuple[Step, ...]:
        return tuple(step for frame in self._frames if (step := frame.step()) is not None)

    def _issue(self, line: int, message: str) -> None:
        self.issues.append(Issue(self.file, line, self._path(), message))

    def _refuse_depth(self, line: int) -> NoReturn:
        raise ConfigError([Fault(self.file, line, "", f"nested deeper than {MOST_DEPTH} levels")])

    def _refuse(self, line: int, message: str) -> NoReturn:
        raise ConfigError([Issue(self.file, line, self._path(), message).fault()])


def _line(event: events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
