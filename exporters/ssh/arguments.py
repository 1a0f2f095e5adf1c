"""The options of ``heronwatch exporter simulate ssh``; apart, so that the command line needs no library."""

import argparse
from pathlib import Path

DEFAULT_LISTEN = "127.0.0.1:2022"
USER = "monitor"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``heronwatch exporter simulate ssh``."""
    parser.add_argument("--listen", default=DEFAULT_LISTEN, metavar="HOST:PORT", help="port 0 takes a free one")
    parser.add_argument("--user", default=USER, help="the user that may log in")
    parser.add_argument(
        "--authorized-key", type=Path, required=True, metavar="FILE", help="public keys that may log in, one a line"
    )
    parser.add_argument(
        "--host-key", type=Path, required=True, metavar="FILE", help="the host's private key (ssh-keygen -t ed25519)"
    )
    parser.add_argument("--live", type=Path, metavar="FILE", help="JSON with values over time, re-read on change")
