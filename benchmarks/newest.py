"""The newest peers for benchmarks and tests: see scripts/newest_peers.py, which fetches and keeps them."""

from scripts.newest_peers import NoNewestError as NotAvailableError
from scripts.newest_peers import fetch as unpacked

__all__ = ["NotAvailableError", "unpacked"]
