"""Arguments that several sub-commands of `heronwatch detector` share."""

import argparse

DEFAULT_FILE = "detector.yml"


def add_config_file(parser: argparse.ArgumentParser) -> None:
    """Add `--config.file`."""
    parser.add_argument(
        "--config.file",
        dest="config_file",
        action="append",
        metavar="FILE",
        help=f"configuration, repeatable, glob patterns allowed (default {DEFAULT_FILE})",
    )


def files(arguments: argparse.Namespace) -> list[str]:
    """Return the files that were named, else the default one."""
    return arguments.config_file or [DEFAULT_FILE]
