"""Arguments that several sub-commands of `heronwatch detector` share."""

import argparse
from collections.abc import Sequence

from heronwatch.config_flag import add_config_files, config_files

DEFAULT_FILE = "detector.yml"

TIMES = "2h (ago), 2026-10-25, 2026-10-25T03:00 (in settings.timezone), or with its offset"  # what `when` reads


def add_config_file(parser: argparse.ArgumentParser) -> None:
    """Add `--config.file`."""
    add_config_files(parser, DEFAULT_FILE)


def files(arguments: argparse.Namespace) -> Sequence[str]:
    """Return the files that were named, or the usual one."""
    return config_files(arguments, DEFAULT_FILE)
