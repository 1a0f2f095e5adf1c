"""What to ask a device next, given what it answered: pure generators that yield requests and are sent replies.

    steps = subtree(root, fetched, version=V2C, pace=Pace())
    request = next(steps)            # ask it, then
    request = steps.send(reply)      # until StopIteration; what was read is in fetched.table

Rules F1 to F4 of docs/exporters/snmp.md. Every walk ends: a request never repeats, and the number of values is bounded.
"""

from collections.abc import Container, Generator

from msgspec import structs

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Reply, Request, Steps
from exporters.snmp.decoding.columns import Table
from exporters.snmp.errors import WalkError
from exporters.snmp.fetched import Fetched
from exporters.snmp.layout import Answered, Stretch
from exporters.snmp.pace import Pace


def stretch(root: bytes, part: Stretch, fetched: Fetched, *, version: int, pace: Pace) -> Steps:
    """Walk the part of a subtree that a stretch is; what it is made of is remembered in `fetched.replies`."""
    name = part.start
    expected = part.values
    asked: set[bytes] = set()
    replies = fetched.replies.setdefault(root, [])
    short: int | None = None
    table = fetched.part()
    while True:
        asked.add(name)
        request, reply = yield from _ask(name, version, pace, most=expected)
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
        name = _beyond(reply, asked)
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
    asked: set[bytes] = set()
    while True:
        asked.add(name)
        request, reply = yield from _ask(name, version, pace)
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
        if loose and reply.names[-1] in asked:
            return
        name = _beyond(reply, asked)


def _ask(name: bytes, version: int, pace: Pace, most: int = 0) -> Generator[Request, Reply, tuple[Request, Reply]]:
    """Ask for what is behind a name, for `most` values where that is known; for less when the device says too big."""
    while True:
        if version == ber.V1:
            request = Request(Kind.GET_NEXT, (name,))
        else:
            repetitions = pace.repetitions or 1
            request = Request(Kind.GET_BULK, (name,), min(repetitions, most) if most else repetitions)
        reply = yield request
        if reply.status != ber.TOO_BIG or request.kind is not Kind.GET_BULK or not pace.too_big():
            return request, reply


def _beyond(reply: Reply, asked: Container[bytes]) -> bytes:
    """Return the name to ask beyond next; raises WalkError where that was asked before, so that no walk is endless."""
    last = reply.names[-1]
    if last in asked:
        raise WalkError(f"the device does not get beyond {oid.text(last)} (OID not increasing)")
    return last


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
        fetched.keep(reply, only=name)
