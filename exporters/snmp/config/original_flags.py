"""Flags of snmp_exporter whose work is done in another way here: accepted, so that its command line can be kept."""

import argparse

from exporters.accepted_flag import Accepted


def add_original_flags(parser: argparse.ArgumentParser) -> None:
    """Add them; each says once in the log what it means here."""
    parser.add_argument(
        "--snmp.module-concurrency",
        action=Accepted,
        dest="snmp_module_concurrency",
        type=int,
        metavar="N",
        note="the modules of a scrape are read one after the other, so that the device has one request at a time; "
        "--snmp.window N allows more",
        unless=1,
        help="accepted for snmp_exporter's sake; see --snmp.window",
    )
    parser.add_argument(
        "--snmp.debug-packets",
        dest="snmp_debug_packets",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="log every packet, decoded, without communities and passwords; for a look, not for operation",
    )
