"""`--config.file`, the same on every sub-command of a service."""

import argparse
from collections.abc import Sequence


def add_config_files(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the argument; `default` is what is read without it."""
    parser.add_argument(
        "--config.file",
        dest="config_files",
        action="append",
        metavar="FILE",
        help=f"configuration, repeatable, glob patterns allowed (default {default})",
    )


def config_files(arguments: argparse.Namespace, default: str) -> Sequence[str]:
    """Return the files that were named, else the default one."""
    return arguments.config_files or [default]
