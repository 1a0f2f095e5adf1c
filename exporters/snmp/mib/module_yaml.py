"""Modules as the text of a `snmp.yml`: the same input gives the same text."""

from collections.abc import Mapping
from typing import Any

import yaml

WIDTH = 120


class _Dumper(yaml.CSafeDumper):
    """Writes no anchors, so that a difference of two versions reads well. libyaml is twenty times as fast."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # yaml's
        return True


def dump(content: Mapping[str, Any], *, comment: str = "") -> str:
    """Return the text of a file, its keys in the order given; `comment` may have several lines.

    >>> print(dump({"modules": {"x": {"walk": ["1.3.6"]}}}, comment="Made."), end="")
    # Made.
    modules:
      x:
        walk:
        - 1.3.6
    """
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    if not content:
        return head
    return head + yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
