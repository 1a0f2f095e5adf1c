"""The options of ``heronwatch exporter simulate modbus``; apart, so that the command line loads little."""

import argparse
from pathlib import Path

DEFAULT_LISTEN = "127.0.0.1:5020"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``heronwatch exporter simulate modbus``."""
    parser.add_argument("--module", required=True, metavar="NAME", help="the shipped module to play")
    parser.add_argument("--listen", default=DEFAULT_LISTEN, metavar="HOST:PORT", help="port 0 takes a free one")
    parser.add_argument("--unit", type=int, default=1, help="the unit that answers; others get exception 11")
    parser.add_argument("--live", type=Path, metavar="FILE", help="JSON with values over time, re-read on change")
