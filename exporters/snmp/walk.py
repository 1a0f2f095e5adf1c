"""What to ask a device next, given what it answered: pure generators that yield requests and are sent replies.

    steps = fetch(plan, version=V2C, pace=Pace())
    request = next(steps)            # ask it, then
    request = steps.send(reply)      # until StopIteration, whose value is the table

Rules F1 to F4 of docs/exporters/snmp.md. Every walk ends: a request never repeats, and the number of values is bounded.
"""

from collections.abc import Generator, Iterable, Sequence

from msgspec import Struct

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Reply, Request, Steps
from exporters.snmp.errors import StatusError, WalkError
from exporters.snmp.labels import Table
from exporters.snmp.plan import DEFAULT_REPETITIONS, Filter, Plan
from exporters.snmp.values import text

MOST_VALUES = 1_000_000
"""Most values in one scrape: 2 times the largest device known (a firewall with 454,000)."""

MOST_BYTES = 32 << 20
"""Most bytes of replies in one scrape: the largest device known sends 12 MB; a hostile one fills its values."""

FULL_REPLY = 1400
"""Bytes that fit into one Ethernet frame with some room (1500 less IP and UDP headers)."""

MOST_REPETITIONS = 60


class Pace:
    """How many rows to ask for at once: as many as fill a packet, half as many when the device says too big.

    A module that names `max_repetitions` keeps to it.
    """

    __slots__ = ("configured", "grows", "repetitions")

    def __init__(self, repetitions: int | None = None) -> None:
        self.configured = repetitions
        self.grows = repetitions is None
        self.repetitions = DEFAULT_REPETITIONS if repetitions is None else repetitions

    def heard(self, request: Request, reply: Reply) -> None:
        """Learn from a reply to GetBulk. One that came only when less was asked for ends all growth."""
        count = len(reply.names)
        if reply.attempts > 1 and self.repetitions > DEFAULT_REPETITIONS:
            self.repetitions = DEFAULT_REPETITIONS
            self.grows = False
        if self.grows and count >= request.repetitions and reply.size:
            fitting = FULL_REPLY * count // reply.size
            self.repetitions = max(DEFAULT_REPETITIONS, min(fitting, MOST_REPETITIONS))

    def too_big(self) -> bool:
        """Ask for less; False when that is not possible."""
        if self.repetitions <= 1:
            return False
        self.repetitions //= 2
        self.grows = False
        return True


class Fetched(Struct):
    """What has been fetched so far; `returned` counts values as they came, repeated ones too, `heard` reply bytes."""

    table: Table
    returned: int = 0
    heard: int = 0

    def weigh(self, reply: Reply) -> None:
        """Count the bytes of a reply; raises WalkError beyond the bound."""
        self.heard += reply.size
        if self.heard > MOST_BYTES:
            raise WalkError(f"the device answers with more than {MOST_BYTES >> 20} MiB")

    def count(self, values: int) -> None:
        """Count values; raises WalkError beyond the bound."""
        self.returned += values
        if self.returned > MOST_VALUES:
            raise WalkError(f"the device answers with more than {MOST_VALUES} values")


def fetch(plan: Plan, fetched: Fetched, *, version: int, pace: Pace) -> Steps:
    """Fetch what a module wants into `fetched`: filters, then single values, then subtrees."""
    gets, roots = plan.get, plan.walk
    for chosen in plan.filters:
        gets, roots = yield from _filtered(chosen, gets, roots, version=version, pace=pace, loose=plan.loose_order)
    yield from _get(gets, fetched, version=version, chunk=_get_chunk(plan))
    for root in roots:
        yield from subtree(root, fetched, version=version, pace=pace, loose=plan.loose_order)


def subtree(root: bytes, fetched: Fetched, *, version: int, pace: Pace, loose: bool = False) -> Steps:
    """Walk everything below `root`; when nothing is, ask once for `root` itself, which may be an instance."""
    name = root
    asked = set()
    while True:
        request = _next_request(name, version, pace)
        reply = yield request
        if reply.status == ber.TOO_BIG and request.kind is Kind.GET_BULK and pace.too_big():
            continue
        if reply.status or not reply.names:
            return  # the end in v1; other errors end a subtree, too, as in the original
        pace.heard(request, reply)
        fetched.weigh(reply)
        ended = _take(reply, root, fetched)
        if ended and name == root and reply.elements[0][0] < ber.NO_SUCH_OBJECT and not _is_below(reply, root):
            yield from _get_one(root, fetched)
        if ended:
            return
        asked.add(name)
        name = reply.names[-1]
        if name in asked:
            if loose:
                return
            raise WalkError(f"the device does not get beyond {oid.text(name)} (OID not increasing)")


def _next_request(name: bytes, version: int, pace: Pace) -> Request:
    if version == ber.V1:
        return Request(Kind.GET_NEXT, (name,))
    return Request(Kind.GET_BULK, (name,), pace.repetitions or 1)


def _take(reply: Reply, root: bytes, fetched: Fetched) -> bool:
    """Put the values below `root` into the table; True when the subtree has ended."""
    names = reply.names
    # names that begin with `root` lie together in the order of bytes, so the outermost two speak for all
    if not reply.exceptional and min(names) > root and max(names).startswith(root):
        fetched.table.update(zip(names, reply.elements, strict=True))
        fetched.count(len(names))
        return False
    return _take_until_end(reply, root, fetched)


def _take_until_end(reply: Reply, root: bytes, fetched: Fetched) -> bool:
    for name, value in zip(reply.names, reply.elements, strict=True):
        if value[0] >= ber.NO_SUCH_OBJECT:
            return True
        is_below = name.startswith(root) and len(name) > len(root)
        if is_below or name == root:  # the root may be an instance itself
            fetched.table[name] = value
            fetched.count(1)
        if not is_below:
            return True
    return False


def _is_below(reply: Reply, root: bytes) -> bool:
    name = reply.names[0]
    return name.startswith(root) and len(name) > len(root)


def _get_one(name: bytes, fetched: Fetched) -> Steps:
    reply = yield Request(Kind.GET, (name,))
    if not reply.status:
        _keep(reply, fetched, only=name)


def _get_chunk(plan: Plan) -> int:
    return DEFAULT_REPETITIONS if plan.repetitions is None else max(1, plan.repetitions)


def _get(names: Sequence[bytes], fetched: Fetched, *, version: int, chunk: int) -> Steps:
    """Ask for single values, some at a time; v1 reports only one missing value in a reply, so there one at a time."""
    size = 1 if version == ber.V1 else chunk
    for start in range(0, len(names), size):
        reply = yield Request(Kind.GET, tuple(names[start : start + size]))
        if reply.status == ber.NO_SUCH_NAME and version == ber.V1:
            continue
        if reply.status:
            raise StatusError(f"the device answers Get with error-status {reply.status}")
        _keep(reply, fetched)


def _keep(reply: Reply, fetched: Fetched, only: bytes | None = None) -> None:
    fetched.weigh(reply)
    for name, value in zip(reply.names, reply.elements, strict=True):
        if value[0] < ber.NO_SUCH_OBJECT and only in {None, name}:
            fetched.table[name] = value
            fetched.count(1)


def _filtered(
    chosen: Filter, gets: tuple[bytes, ...], roots: tuple[bytes, ...], *, version: int, pace: Pace, loose: bool
) -> Generator[Request, Reply, tuple[tuple[bytes, ...], tuple[bytes, ...]]]:
    """Replace the walk of a filter's targets by single values of the rows that it allows."""
    rows = Fetched(table={})
    try:
        yield from subtree(chosen.column, rows, version=version, pace=pace, loose=loose)
    except WalkError:  # as in the original: a filter that cannot be read filters nothing
        return gets, roots
    allowed = [
        _last_arc(name)
        for name, value in rows.table.items()
        if _matches(chosen, text(ber.unpacked(value), "DisplayString"))
    ]
    kept_roots = tuple(root for root in roots if root not in chosen.targets)
    kept_gets = [name for name in gets if not _starts_with_any(name, chosen.targets)]
    kept_gets += [target + row for target in chosen.targets for row in allowed]
    return tuple(kept_gets), kept_roots


def _matches(chosen: Filter, shown: str) -> bool:
    return any(pattern.found(shown) for pattern in chosen.values)


def _last_arc(name: bytes) -> bytes:
    return oid.encode_arcs(oid.decode_arcs(name)[-1:])


def _starts_with_any(name: bytes, targets: Iterable[bytes]) -> bool:
    """Compare as text, as the original does: 1.3.6.1.2 begins with 1.3.6.1.20's text the other way round."""
    shown = oid.text(name)
    return any(shown.startswith(oid.text(target)) for target in targets)
