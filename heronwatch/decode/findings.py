"""Where a decoder is (`At`), what it found (`Findings`), and what every part of it looks like (`Shape`)."""

from typing import Protocol

import msgspec

from heronwatch.faults import Fault, Issue, Path, Step, printable
from heronwatch.secret_sources import SecretSources
from heronwatch.yaml_nodes import Mapping, Node, Scalar, Sequence
from heronwatch.yaml_scalars import found

MOST_ISSUES = 1_000
LONGEST_MESSAGE = 1_000


class Bad:
    """The type of `BAD`, which stands for a value that could not be had: its fault is among the findings."""


BAD = Bad()


class At(msgspec.Struct, frozen=True, eq=False):
    """A place in a configuration: its step from `parent`, and the node whose line a fault names."""

    parent: "At | None"
    step: Step
    place: Node

    def path(self) -> Path:
        """Return the steps from the root."""
        steps: list[Step] = []
        at = self
        while at.parent is not None:
            steps.append(at.step)
            at = at.parent
        return tuple(reversed(steps))


class Shape(Protocol):
    """What a type asks of a node."""

    @property
    def expected(self) -> str:
        """What the type asks for, in words that follow "expected"."""
        ...

    def decode(self, node: Node, at: At, findings: "Findings") -> object:
        """Return the value, or `BAD` after telling the findings why."""
        ...


class Findings:
    """Collects what is found while a tree is decoded."""

    def __init__(self, sources: SecretSources) -> None:
        self.sources = sources
        self.issues: list[Issue] = []
        self.warnings: list[Issue] = []
        self.secrets: list[tuple[At, Node]] = []
        self.unread: list[Node] = []
        self._opaque: list[At] = []

    @property
    def full(self) -> bool:
        """Whether there are more faults than anyone will read."""
        return len(self.issues) >= MOST_ISSUES

    def add(self, at: At, message: str, *, place: Node | None = None) -> Bad:
        """Record a fault; the line is that of `place`, else of `at`."""
        if not self.full:
            where = place or at.place
            self.issues.append(Issue(where.file, where.line, at.path(), printable(message, limit=LONGEST_MESSAGE)))
        return BAD

    def expected(self, at: At, node: Node, expected: str) -> Bad:
        """Record that something else was expected than the node that was found; echoes the text of a scalar."""
        return self.add(at, f"expected {expected}, found {described(node)}")

    def wrong_kind(self, at: At, node: Node, expected: str) -> Bad:
        """Record that the structure is not that of the type; echoes nothing: text in the wrong place may be secret."""
        return self.opaque(at, f"expected {expected}, found {kind_only(node)}")

    def opaque(self, at: At, message: str) -> Bad:
        """Record a fault of a part that cannot be understood, so that no fault inside it is told more closely."""
        self._opaque.append(at)
        return self.add(at, message)

    def warn(self, at: At, message: str) -> None:
        """Record a warning."""
        self.warnings.append(Issue(at.place.file, at.place.line, at.path(), message))

    def adopt(self, other: "Findings") -> None:
        """Take over what was found on a trial that went well."""
        self.warnings += other.warnings
        self.secrets += other.secrets
        self.unread += other.unread

    def faults(self, more: list[Issue]) -> list[Fault]:
        """Return all faults once; those inside a secret, or a part not understood, under the path of that."""
        closed = {at.path() for at in (*(at for at, _ in self.secrets), *self._opaque)}
        faults = [_outside(issue, closed).fault() for issue in [*more, *self.issues]]
        unique = list(dict.fromkeys(faults))
        if self.full:
            unique.append(Fault(unique[-1].file, 0, "", f"{MOST_ISSUES} faults; more are not listed"))
        return unique


def described(node: Node) -> str:
    """Return what a node is; echoes the text of a scalar."""
    if isinstance(node, Scalar):
        return found(node)
    return kind_only(node)


def kind_only(node: Node) -> str:
    """Return what a node is, without its text, which may be secret."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return "text" if node.text else "nothing"


def _outside(issue: Issue, closed: set[Path]) -> Issue:
    for length in range(len(issue.path)):
        if issue.path[:length] in closed:
            return msgspec.structs.replace(issue, path=issue.path[:length])
    return issue
