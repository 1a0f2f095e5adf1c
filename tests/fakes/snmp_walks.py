"""What a module asks, one request after the other, for tests that answer it themselves."""

from exporters.snmp.ber import Steps
from exporters.snmp.fetched import Fetched
from exporters.snmp.pace import Pace
from exporters.snmp.plan import Plan
from exporters.snmp.walk import subtree
from exporters.snmp.wanted import Wanted, filters, singles


def fetch(plan: Plan, fetched: Fetched, *, version: int, pace: Pace) -> Steps:
    """Fetch what a module wants into `fetched`, one request after the other."""
    wanted = Wanted(plan.get, plan.walk)
    for steps in filters(plan, wanted, version=version, pace=pace):
        yield from steps
    for steps in singles(plan, wanted.gets, fetched, version=version):
        yield from steps
    for root in wanted.roots:
        yield from subtree(root, fetched, version=version, pace=pace, loose=plan.loose_order)
