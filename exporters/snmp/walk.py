"""What to ask a device next, given what it answered: pure generators that yield requests and are sent replies.

    steps = subtree(root, fetched, version=V2C, pace=Pace())
    request = next(steps)            # ask it, then
    request = steps.send(reply)      # until StopIteration; what was read is in fetched.table

Rules F1 to F4 of docs/exporters/snmp.md. Every walk ends: a request never repeats, and the number of values is bounded.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, field, structs

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Reply, Request, Steps
from exporters.snmp.decoding.columns import Table
from exporters.snmp.decoding.values import text
from exporters.snmp.errors import StatusError, WalkError
from exporters.snmp.layout import FULL_REPLY, Answered, Stretch
from exporters.snmp.plan import DEFAULT_REPETITIONS, Filter, Plan

MOST_VALUES = 1_000_000
"""Most values in one scrape: 2 times the largest device known (a firewall with 454,000)."""

MOST_BYTES = 32 << 20
"""Most bytes of replies in one scrape: the largest device known sends 12 MB; a hostile one fills its values."""

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
    """What has been fetched so far; `returned` counts values as they came, repeated ones too, `heard` reply bytes.

    Stretches that are walked at once have a table each in `parts`, which `join` puts together in their order.
    `replies` tells, by root, of what replies a walk of stretches was made; `packets` how many a whole subtree took.
    """

    table: Table
    returned: int = 0
    heard: int = 0
    parts: list[Table] = field(default_factory=list)
    replies: dict[bytes, list[Answered]] = field(default_factory=dict)
    packets: dict[bytes, int] = field(default_factory=dict)

    def part(self) -> Table:
        """Return the table of one stretch."""
        self.parts.append({})
        return self.parts[-1]

    def join(self) -> None:
        """Put the tables of all stretches together: the same order in each scrape, whichever was answered first."""
        for part in self.parts:
            self.table.update(part)
        self.parts.clear()

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


def stretch(root: bytes, part: Stretch, fetched: Fetched, *, version: int, pace: Pace) -> Steps:
    """Walk the part of a subtree that a stretch is; what it is made of is remembered in `fetched.replies`."""
    name = part.start
    expected = part.values
    asked = set()
    replies = fetched.replies.setdefault(root, [])
    short: int | None = None
    table = fetched.part()
    while True:
        request = _next_request(name, version, pace)
        if expected and request.repetitions > expected:
            request = Request(request.kind, request.oids, expected)
        reply = yield request
        if reply.status == ber.TOO_BIG and request.kind is Kind.GET_BULK and pace.too_big():
            continue
        if reply.status or not reply.names:
            return
        if request.repetitions >= pace.repetitions:
            pace.heard(request, reply)
        fetched.weigh(reply)
        taken, ended = _take_part(reply, root, part.until, fetched, table)
        if taken:
            _noted(replies, short, Answered(taken, reply.size))
            short = len(replies) - 1 if not ended and len(reply.names) < request.repetitions else None
        elif not part.until and name == root and reply.elements[0][0] < ber.NO_SUCH_OBJECT:
            yield from _get_one(root, fetched)
        if ended:
            return
        asked.add(name)
        name = reply.names[-1]
        if name in asked:
            raise WalkError(f"the device does not get beyond {oid.text(name)} (OID not increasing)")
        expected = max(0, expected - taken)


def _noted(replies: list[Answered], short: int | None, reply: Answered) -> None:
    """Remember a reply; one before it that was short was full, since more came: not short for want of values."""
    if short is not None:
        replies[short] = structs.replace(replies[short], full=True)
    replies.append(reply)


def _take_part(reply: Reply, root: bytes, until: bytes, fetched: Fetched, table: Table) -> tuple[int, bool]:
    """Put the values below `root` up to the key `until` into a table; how many, and True when the part has ended."""
    names = reply.names
    last = oid.order(names[-1])
    if not reply.exceptional and min(names) > root and max(names).startswith(root) and (not until or last <= until):
        table.update(zip(names, reply.elements, strict=True))
        fetched.count(len(names))
        return len(names), last == until
    for taken, (name, value) in enumerate(zip(names, reply.elements, strict=True)):
        is_outside = not name.startswith(root) or (until and oid.order(name) > until)
        if value[0] >= ber.NO_SUCH_OBJECT or is_outside:
            return taken, True
        table[name] = value
        fetched.count(1)
    return len(names), last == until


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
        fetched.packets[root] = fetched.packets.get(root, 0) + 1
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


def _get(names: tuple[bytes, ...], fetched: Fetched, *, version: int) -> Steps:
    reply = yield Request(Kind.GET, names)
    if reply.status == ber.NO_SUCH_NAME and version == ber.V1:
        return
    if reply.status:
        raise StatusError(f"the device answers Get with error-status {reply.status}")
    _keep(reply, fetched)


def _keep(reply: Reply, fetched: Fetched, only: bytes | None = None) -> None:
    fetched.weigh(reply)
    for name, value in zip(reply.names, reply.elements, strict=True):
        if value[0] < ber.NO_SUCH_OBJECT and only in {None, name}:
            fetched.table[name] = value
            fetched.count(1)


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
