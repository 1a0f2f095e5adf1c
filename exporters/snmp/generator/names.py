"""What the names of `generator.yml` mean in a tree of MIBs."""

from collections.abc import Iterable

from exporters.snmp.mib.tree import Arcs, MibTree, Node, arcs_of
from heronwatch.words import nearest


class GeneratorError(Exception):
    """A wish that cannot be fulfilled; the path says which."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class Names:
    """Finds nodes by name, and says what was perhaps meant by a name that is in no MIB."""

    def __init__(self, tree: MibTree) -> None:
        self._tree = tree

    def column(self, name: str, path: str, *, near: Arcs = ()) -> Node:
        """Return the node of a name, of several the one closest to `near`; raises GeneratorError for an unknown one."""
        node = self._tree.find(name, near)
        if node is None:
            raise self._unknown(name, path)
        return node

    def root(self, name: str, path: str) -> Arcs:
        """Return the OID of a name, of `1.3.6.…` or of a row, such as ifHCInOctets.40; raises GeneratorError."""
        node = self._tree.find(name)
        arcs = node.arcs if node is not None else arcs_of(name) or self._row(name)
        if arcs is None:
            raise self._unknown(name, path)
        return arcs

    def targets(self, names: Iterable[str], path: str) -> list[Arcs]:
        """Return the OIDs of names and of `1.3.6.…`; raises GeneratorError for an unknown one."""
        return [self._target(name, path) for name in names]

    def unused_override(self, name: str) -> str | None:
        """Return what to note of an override whose name is in no MIB."""
        if self._tree.find(name) is not None:
            return None
        return f"overrides.{name} means nothing: no MIB has it{self._suggestion(name)}"

    def _target(self, name: str, path: str) -> Arcs:
        node = self._tree.find(name)
        arcs = node.arcs if node is not None else arcs_of(name)
        if arcs is None:
            raise self._unknown(name, path)
        return arcs

    def _row(self, name: str) -> Arcs | None:
        column, _, index = name.partition(".")
        node = self._tree.find(column)
        row = arcs_of(index)
        return (*node.arcs, *row) if node is not None and row else None

    def _unknown(self, name: str, path: str) -> GeneratorError:
        return GeneratorError(path, f"{name!r} is in no MIB{self._suggestion(name)}")

    def _suggestion(self, name: str) -> str:
        module, separator, _ = name.partition("::")
        if separator and not any(known.startswith(f"{module}::") for known in self._tree.by_name):
            return f" ({module} is not among the files)"
        near = nearest(name, self._tree.by_name) if arcs_of(name) is None else None
        return f" (did you mean {near!r}?)" if near else ""
