"""The arguments of `heronwatch webhook test`, `backup` and `restore`."""

# ruff: noqa: PLC0415  # as in cli.py: what a command needs is imported when it runs

import argparse
from pathlib import Path

from alert_webhook.cli_files import add_files, files_of, terminal
from heronwatch.commands import EXIT_USAGE


def add_test_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `test`."""
    parser.add_argument("--to", required=True, metavar="WHO", help="ana, ana/phone or schedule:network")
    parser.add_argument("--wait-ack", default="", metavar="DURATION", help="also wait for an acknowledgement: 5m")
    add_files(parser)
    parser.set_defaults(run=_test)


def add_backup_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `backup`."""
    parser.add_argument("file", type=Path, help="where to; must not exist yet")
    add_files(parser)
    parser.set_defaults(run=_backup)


def add_restore_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `restore`."""
    parser.add_argument("file", type=Path, help="what `backup` wrote")
    parser.add_argument("--yes", action="store_true", help="replace everything that the database holds")
    add_files(parser)
    parser.set_defaults(run=_restore)


def _test(arguments: argparse.Namespace) -> int:
    from alert_webhook.trial_page_command import Asked, Waiting, trial_page
    from heronwatch.values import Duration

    try:
        wait_s = float(Duration.parse(arguments.wait_ack)) if arguments.wait_ack else 0.0
    except ValueError as error:
        terminal().warn(f"--wait-ack: {error}")
        return EXIT_USAGE
    return trial_page(files_of(arguments), Asked(to=arguments.to, wait_s=wait_s), terminal(), Waiting())


def _backup(arguments: argparse.Namespace) -> int:
    from alert_webhook.backup_command import backup

    return backup(files_of(arguments), arguments.file, terminal())


def _restore(arguments: argparse.Namespace) -> int:
    from alert_webhook.backup_command import restore

    return restore(files_of(arguments), arguments.file, terminal(), sure=arguments.yes)
