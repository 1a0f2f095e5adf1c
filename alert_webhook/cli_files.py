"""What every sub-command of `heronwatch webhook` takes: the configuration's files, and where it prints."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alert_webhook.administration import Terminal

DEFAULT_FILE = "webhook.yml"


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add `--config.file`."""
    parser.add_argument(
        "--config.file",
        dest="config_files",
        action="append",
        metavar="FILE",
        help=f"configuration, repeatable, glob patterns allowed (default {DEFAULT_FILE})",
    )


def files_of(arguments: argparse.Namespace) -> list[str]:
    """Return the files that were named, or the usual one."""
    return arguments.config_files or [DEFAULT_FILE]


def terminal() -> "Terminal":
    """Return stdout and stderr."""
    from alert_webhook.administration import Terminal  # noqa: PLC0415  # it imports the database

    return Terminal(say=print, warn=partial(print, file=sys.stderr))
