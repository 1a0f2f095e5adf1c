"""`python -m exporters.worker`: one worker of several, as its supervisor's standard input orders."""

import asyncio
import sys
from typing import cast

import msgspec

from exporters.app import serve_worker
from exporters.probing.supervisor import Orders
from heronwatch import logs
from heronwatch.errors import HeronwatchError


def main() -> int:
    """Read the orders and serve; returns the exit status."""
    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders)
    options = orders.options
    logs.configure(level=cast("logs.Level", options.log_level), fmt=cast("logs.Format", options.log_format))
    try:
        return asyncio.run(serve_worker(orders))
    except (HeronwatchError, OSError) as error:
        logs.get_logger("exporters.worker").error("cannot serve", worker=orders.index, reason=str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
