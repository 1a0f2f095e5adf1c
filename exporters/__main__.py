"""`python -m exporters …`: the exporters' command without the other services."""

import argparse
import sys

from exporters.cli import COMMAND


def main() -> int:
    """Run `heronwatch exporter …`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m exporters", description=COMMAND.help)
    COMMAND.add_arguments(parser)
    parser.set_defaults(run=COMMAND.run)
    arguments = parser.parse_args()
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
