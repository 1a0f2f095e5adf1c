"""The options `--snmp.…` of `serve` and `probe`."""

import argparse
import ipaddress

from exporters.snmp import oid
from heronwatch.values import Duration, HostPort

MOST_IN_FLIGHT = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options; `options.options_of` reads them."""
    _add_asking(parser)
    _add_kept(parser)
    parser.add_argument(
        "--snmp.wrap-large-counters",
        dest="snmp_wrap_large_counters",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="take 64-bit counters modulo 2^53, where a float counts exactly (default: on)",
    )
    parser.add_argument(
        "--snmp.printable-text",
        dest="snmp_printable_text",
        action="store_true",
        help="show octet strings as text where every byte is printable, instead of as hexadecimal digits",
    )


def _add_asking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--snmp.window",
        dest="snmp_window",
        type=_window,
        default=1,
        metavar="N",
        help=f"requests that may wait for their answers at once, for each device (1 to {MOST_IN_FLIGHT}; default 1, "
        "as every device can bear); falls back at the first loss",
    )
    parser.add_argument(
        "--snmp.source-address",
        dest="snmp_source_address",
        type=_address,
        default="",
        metavar="ADDRESS",
        help="ask from this address of ours (default: what the routing table chooses)",
    )


def _add_kept(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--snmp.cache-lookups",
        dest="snmp_cache_lookups",
        type=_duration,
        default=0.0,
        metavar="DURATION",
        help="keep columns that only serve labels so long, and never over a reboot or a change of rows (default: read "
        "them in each scrape)",
    )
    parser.add_argument(
        "--snmp.cache-tables",
        dest="snmp_cache_tables",
        type=_oids,
        default="",
        metavar="OID[,OID…]",
        help="with --snmp.cache-lookups: tables that hardly ever change, kept like labels",
    )


def _window(text: str) -> int:
    size = int(text) if text.isdecimal() else 0
    if not 1 <= size <= MOST_IN_FLIGHT:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of requests (1 to {MOST_IN_FLIGHT})")
    return size


def _duration(text: str) -> float:
    try:
        return float(Duration.parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _oids(text: str) -> str:
    try:
        for name in text.split(",") if text else []:
            oid.encode(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _address(text: str) -> str:
    """Return the address alone; the original takes 'ADDRESS:PORT', mostly with no port ('ADDRESS:') or port 0."""
    has_no_port = text.count(":") == 1 or text.endswith("]:")
    try:
        host = HostPort.parse(text.removesuffix(":") if has_no_port else text).host if text else ""
        return str(ipaddress.ip_address(host)) if host else ""
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
