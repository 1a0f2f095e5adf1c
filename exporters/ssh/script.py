"""One batch for one scrape: the commands of a module put together, and the output taken apart again.

A mark with a random word stands before and after the output of each command, so that nothing that a command
prints can be taken for one.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

_BEGIN = "printf '\\n%s begin %s\\n' {mark} {name}\n{{\n{run}\n}} </dev/null\nprintf '\\n%s end %s\\n' {mark} $?\n"
_PREAMBLE = "LC_ALL=C; export LC_ALL\n"
_PART = re.compile(
    r"printf '\\n%s begin %s\\n' (?P<mark>\S+) (?P<name>\w+)\n"
    r"\{\n(?P<run>.*?)\n\} </dev/null\nprintf '\\n%s end %s\\n' (?P=mark) \$\?\n",
    re.DOTALL,
)


class Part(Struct, frozen=True):
    """What one command printed, and its exit status; None where the output breaks off within it."""

    text: str
    status: int | None


def batch(commands: Iterable[tuple[str, str]], mark: str) -> str:
    """Put named commands together as one script for a POSIX shell; ``mark`` is a word nobody could guess."""
    return _PREAMBLE + "".join(_BEGIN.format(mark=mark, name=name, run=run) for name, run in commands)


def taken_apart(output: str, mark: str) -> Mapping[str, Part]:
    r"""Give each command's part of the output.

    >>> taken_apart("motd\n\n@x begin load\n0.1 0.2 0.3\n\n@x end 0\n", "@x")
    {'load': Part(text='0.1 0.2 0.3\n', status=0)}
    """
    boundary = re.compile(rf"\n{re.escape(mark)} (begin|end) (\w{{1,64}})\n", re.ASCII)
    parts: dict[str, Part] = {}
    name, start = "", 0
    for found in boundary.finditer(output):
        kind, word = found.groups()
        if kind == "begin":
            name, start = word, found.end()
        elif name:
            parts[name] = Part(output[start : found.start()], int(word) if word.isdigit() else None)
            name = ""
    if name:
        parts[name] = Part(output[start:], None)
    return parts


def commands_of(script: str) -> list[tuple[str, str, str]]:
    """Give mark, name and command of every part of a batch: what a simulator needs."""
    return [(found["mark"], found["name"], found["run"]) for found in _PART.finditer(script)]
