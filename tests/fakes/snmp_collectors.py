"""An SNMP collector for a test, closed at its end."""

import contextlib
from collections.abc import AsyncIterator

from prometheus_client import CollectorRegistry

from exporters.probing.collector import CollectorContext
from exporters.snmp.collector import SnmpCollector


@contextlib.asynccontextmanager
async def collector(**options: object) -> AsyncIterator[SnmpCollector]:
    """Give a collector with these options of the plug-in."""
    made = SnmpCollector(CollectorContext(registry=CollectorRegistry(), options=options))
    try:
        yield made
    finally:
        await made.close()
