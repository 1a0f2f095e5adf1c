"""What is fetched beside whole subtrees: single values, and the rows that filters allow. Pure, as `walk` is."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Request, Steps
from exporters.snmp.decoding.values import text
from exporters.snmp.errors import StatusError, WalkError
from exporters.snmp.fetched import Fetched
from exporters.snmp.pace import Pace
from exporters.snmp.plan import DEFAULT_REPETITIONS, Filter, Plan
from exporters.snmp.walk import subtree


class Wanted(Struct):
    """Single values and subtrees that are to be fetched; filters replace subtrees by single values."""

    gets: tuple[bytes, ...]
    roots: tuple[bytes, ...]


def filters(plan: Plan, wanted: Wanted, *, version: int, pace: Pace) -> Iterator[Steps]:
    """Yield the walks that find out which rows are wanted, one after the other; they change `wanted`."""
    for chosen in plan.filters:
        yield _filtered(chosen, wanted, version=version, pace=pace, loose=plan.loose_order)


def singles(plan: Plan, gets: Sequence[bytes], fetched: Fetched, *, version: int) -> Iterator[Steps]:
    """Yield what asks for single values, some at a time; v1 reports one missing value for all, so one at a time."""
    size = 1 if version == ber.V1 else _get_chunk(plan)
    for start in range(0, len(gets), size):
        yield _get(tuple(gets[start : start + size]), fetched, version=version)


def _get_chunk(plan: Plan) -> int:
    return DEFAULT_REPETITIONS if plan.repetitions is None else max(1, plan.repetitions)


def _get(names: tuple[bytes, ...], fetched: Fetched, *, version: int) -> Steps:
    reply = yield Request(Kind.GET, names)
    if reply.status == ber.NO_SUCH_NAME and version == ber.V1:
        return
    if reply.status:
        raise StatusError(f"the device answers Get with error-status {reply.status}")
    fetched.keep(reply)


def _filtered(chosen: Filter, wanted: Wanted, *, version: int, pace: Pace, loose: bool) -> Steps:
    """Replace the walk of a filter's targets by single values of the rows that it allows."""
    rows = Fetched(table={})
    try:
        yield from subtree(chosen.column, rows, version=version, pace=pace, loose=loose)
    except WalkError:  # as in the original: a filter that cannot be read filters nothing
        return
    allowed = [
        _last_arc(name)
        for name, value in rows.table.items()
        if _matches(chosen, text(ber.unpacked(value), "DisplayString"))
    ]
    kept_gets = [name for name in wanted.gets if not _starts_with_any(name, chosen.targets)]
    kept_gets += [target + row for target in chosen.targets for row in allowed]
    wanted.gets = tuple(kept_gets)
    wanted.roots = tuple(root for root in wanted.roots if root not in chosen.targets)


def _matches(chosen: Filter, shown: str) -> bool:
    return any(pattern.found(shown) for pattern in chosen.values)


def _last_arc(name: bytes) -> bytes:
    return oid.encode_arcs(oid.decode_arcs(name)[-1:])


def _starts_with_any(name: bytes, targets: Iterable[bytes]) -> bool:
    """Compare as text, as the original does: 1.3.6.1.2 begins with 1.3.6.1.20's text the other way round."""
    shown = oid.text(name)
    return any(shown.startswith(oid.text(target)) for target in targets)
