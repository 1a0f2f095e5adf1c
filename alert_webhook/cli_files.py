"""What every sub-command of `heronwatch webhook` takes: the configuration's files, and where it prints."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from heronwatch.config_flag import add_config_files, config_files

if TYPE_CHECKING:
    from alert_webhook.administration import Terminal

DEFAULT_FILE = "webhook.yml"


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add `--config.file`."""
    add_config_files(parser, DEFAULT_FILE)


def files_of(arguments: argparse.Namespace) -> Sequence[str]:
    """Return the files that were named, or the usual one."""
    return config_files(arguments, DEFAULT_FILE)


def terminal() -> "Terminal":
    """Return stdout and stderr."""
    from alert_webhook.administration import Terminal  # noqa: PLC0415  # it imports the database

    return Terminal(say=print, warn=partial(print, file=sys.stderr))
