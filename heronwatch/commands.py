"""What a sub-command of `heronwatch` is: services offer one, `heronwatch.cli` finds them by entry points."""

import argparse
from collections.abc import Callable
from typing import Final

import msgspec

EXIT_OK: Final = 0
EXIT_FAULT: Final = 1
"""A fault in a configuration, or a check that failed."""
EXIT_USAGE: Final = 2
"""Wrong arguments; argparse's own status."""
EXIT_MISSING_PART: Final = 3
"""Something that has to be installed is not there."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A sub-command: `run` receives what the parser made of the arguments and returns an exit status.

    >>> command = Command(name="hello", help="greet", add_arguments=lambda parser: None, run=lambda args: EXIT_OK)
    >>> command.run(argparse.Namespace())
    0
    """

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
