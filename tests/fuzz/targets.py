"""What is fuzzed: functions that take any bytes and end, in bounded time, with a result or the package's own error.

`python -m tests.fuzz NAME` runs one under atheris; tests/exporters/snmp/test_fuzz.py gives them hypothesis' bytes.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from exporters.metric.exposition import text
from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Reply, Request, Steps
from exporters.snmp.config.catalogue import parse
from exporters.snmp.decoding import display_hint
from exporters.snmp.decoding.decode import samples
from exporters.snmp.decoding.labels import LabelCache
from exporters.snmp.errors import DeviceError, GarbledError, MalformedError
from exporters.snmp.fetched import Fetched
from exporters.snmp.pace import Pace
from exporters.snmp.plan import Plan
from exporters.snmp.route import Route
from exporters.snmp.security import Community, Reported
from exporters.snmp.simulator import live, recording
from exporters.snmp.simulator.agent import Agent, read_question
from exporters.snmp.transport import MOST_MESSAGE, Frames
from exporters.snmp.usm.model import Scope, User, UserSecurity
from exporters.snmp.wanted import Wanted, filters, singles
from exporters.snmp.window import Window
from heronwatch.errors import ConfigError
from heronwatch.secrets import Secret

Target = Callable[[bytes], None]

COMMUNITY = Community(ber.V2C, "public")
EVERY_RULE = Path(__file__).parents[1] / "golden" / "snmp" / "every_rule.yml"
RULES: Plan = parse(EVERY_RULE.read_text(), "every_rule.yml")[0]["every_rule"].plan
ROOT = "1.3.6.1.4.1.99999"
NOISE = (Kind.GET, Kind.GET_NEXT, Kind.GET_BULK)
MOST_ASKED = 400
"""A walk whose script has ended gets nothing but the end of everything, so that it must end soon."""


def message(data: bytes) -> None:
    """Any datagram, as a session takes it."""
    try:
        plain, start = COMMUNITY.unwrap(data)
        reply = ber.decode_response(plain, start, len(data))
    except MalformedError:
        return
    assert len(reply.names) == len(reply.elements)
    for name, element in zip(reply.names, reply.elements, strict=True):
        oid.text(name)
        ber.unpacked(element)


def response(data: bytes) -> None:
    """Any bytes where a response is due."""
    try:
        ber.decode_response(data, 0, len(data))
    except MalformedError:
        return


def values(data: bytes) -> None:
    """Any list of varbinds, made into samples by a module that has every rule, and written out."""
    body = ber.integer(1) + ber.integer(0) + ber.integer(0) + ber.tlv(ber.SEQUENCE, data)
    try:
        reply = ber.decode_response(ber.tlv(ber.RESPONSE, body), 0)
    except MalformedError:
        return
    table = {
        RULES.walk[0] + name: element
        for name, element in zip(reply.names, reply.elements, strict=True)
        if element[0] < ber.NO_SUCH_OBJECT
    }
    _decoded(table)


def cells(data: bytes) -> None:
    """A value for every rule, of any type and content: the bytes choose."""
    script = Script(data)
    table = {}
    for _ in range(30):
        column = ber.integer(script.number(40))[2:] + (
            b"\x01" + bytes((script.number(9),)) if script.number(2) else b""
        )
        name = RULES.walk[0] + column + script.octets(script.number(12))
        table[name] = ber.tlv(script.tag(), script.octets(script.number(24)))
    _decoded(table)


def _decoded(table: dict[bytes, bytes]) -> None:
    cache = LabelCache()
    for printable in (False, True, True):  # the third time finds the labels of the second
        try:
            text(samples(table, RULES, cache, printable=printable))
        except DeviceError:
            return


TAGS = (
    ber.INTEGER, ber.OCTET_STRING, ber.NULL, ber.OBJECT_IDENTIFIER, ber.IP_ADDRESS, ber.COUNTER32, ber.GAUGE32,
    ber.TIME_TICKS, ber.OPAQUE, ber.COUNTER64, ber.UINTEGER32, 0x5F,
)  # fmt: skip


class Script:
    """Bytes as decisions; when they are used up, every decision is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0

    @property
    def over(self) -> bool:
        return self._pos >= len(self._data)

    def number(self, below: int) -> int:
        """Return a number below 256 at most."""
        self._pos += 1
        return self._data[self._pos - 1] % below if self._pos <= len(self._data) else 0

    def octets(self, count: int) -> bytes:
        self._pos += count
        return self._data[self._pos - count : self._pos]

    def tag(self) -> int:
        return TAGS[self.number(len(TAGS))]


def walk(data: bytes) -> None:
    """A walk, whole or in pieces, answered with whatever the bytes say: any order, loops, exceptions, errors."""
    script = Script(data)
    version = ber.V1 if script.number(4) == 0 else ber.V2C
    pace = Pace(None if script.number(2) else script.number(30))
    plan = PLANS[script.number(len(PLANS))]
    route, window = Route(), Window(1 if script.number(2) else 8)
    for _ in range(2):  # the second time with what the first has taught
        fetched = Fetched(table={})
        try:
            for steps in _tasks(plan, fetched, route, window, version, pace):
                _driven(steps, script)
            route.learn(plan, fetched, pace=pace)
        except DeviceError:
            continue
        assert len(fetched.table) <= fetched.returned


def _tasks(plan: Plan, fetched: Fetched, route: Route, window: Window, version: int, pace: Pace) -> Iterator[Steps]:
    wanted = Wanted(plan.get, plan.walk)
    yield from filters(plan, wanted, version=version, pace=pace)
    yield from singles(plan, wanted.gets, fetched, version=version)
    yield from route.tasks(plan, wanted.roots, fetched, version=version, pace=pace, window=window)


def _driven(steps: Steps, script: Script) -> None:
    asked = 0
    try:
        request = next(steps)
        while True:
            assert request.kind in NOISE
            assert asked < MOST_ASKED or not script.over, "a walk does not end"
            asked += not script.over or 1
            request = steps.send(_reply(request, script))
    except StopIteration:
        return


def _reply(request: Request, script: Script) -> Reply:
    if script.over:
        return Reply(1, 0, [request.oids[-1]], [bytes((ber.END_OF_MIB_VIEW, 0))], True, 50)
    status = script.number(8) if script.number(12) == 0 else 0
    names, elements = [], []
    for _ in range(script.number(6)):
        name = _name(request, script)
        names.append(name)
        ended = script.number(20) == 0
        elements.append(bytes((0x80 + script.number(3), 0)) if ended else ber.tlv(script.tag(), script.octets(2)))
    exceptional = any(element[0] >= ber.NO_SUCH_OBJECT for element in elements)
    return Reply(1, status, names, elements, exceptional, 40 * len(names), 1 + script.number(2))


def _name(request: Request, script: Script) -> bytes:
    """Return the next name, one before it, one elsewhere, or none that is well-formed."""
    base = request.oids[script.number(len(request.oids))]
    kind = script.number(8)
    if kind < 5:
        return base + bytes((script.number(128),)) * (1 + kind // 4)
    if kind == 5:
        return base[:-1] + bytes((script.number(256),))
    return base if kind == 6 else script.octets(script.number(10))


WALKED = """
modules:
  columns:
    walk: [1.3.6.1.2.1.2.2.1, 1.3.6.1.2.1.31]
    metrics:
      - {name: a, oid: 1.3.6.1.2.1.2.2.1.10, type: counter, indexes: [{labelname: i, type: gauge}]}
      - {name: b, oid: 1.3.6.1.2.1.31.1.1.1.6, type: counter, indexes: [{labelname: i, type: gauge}]}
  loose:
    allow_nonincreasing_oids: true
    walk: [1.3.6.1.2.1.2.2.1]
    metrics: [{name: a, oid: 1.3.6.1.2.1.2.2.1.10, type: counter}]
  single:
    walk: [1.3.6.1.2.1.2.2.1]
    get: [1.3.6.1.2.1.1.3.0, 1.3.6.1.2.1.1.5.0, 1.3.6.1.2.1.2.2.1.10.1]
    filters: [{oid: 1.3.6.1.2.1.2.2.1.2, targets: [1.3.6.1.2.1.2.2.1], values: ["a"]}]
    metrics: [{name: a, oid: 1.3.6.1.2.1.2.2.1.10, type: counter}]
"""
PLANS: tuple[Plan, ...] = tuple(module.plan for module in parse(WALKED, "walked.yml")[0].values())


def frames(data: bytes) -> None:
    """Any bytes as a TCP stream, in chunks whose size the first byte says: the same messages in any division."""
    size = 1 + data[0] if data else 1
    stream = data[1:]
    found = [
        _framed(stream[start : start + step] for start in range(0, len(stream), step)) for step in (size, 7, 60_000)
    ]
    assert found[0] == found[1] == found[2]
    assert all(len(message) <= MOST_MESSAGE for message in found[0])


def _chunks(stream: bytes, size: int) -> Iterator[bytes]:
    return (stream[start : start + size] for start in range(0, len(stream), size))


def _framed(chunks: Iterator[bytes]) -> list[bytes]:
    made, found = Frames(), []
    try:
        for chunk in chunks:
            found += made.fed(chunk)
    except GarbledError:
        return []  # how many came before depends on the division
    return found


def user_based(data: bytes) -> None:
    """Any datagrams of v3, to users of every level; the first two bytes cut the rest into messages."""
    cut = int.from_bytes(data[:2]) % (len(data) + 1)
    for user in USERS:
        model = UserSecurity(user, Scope(), now=lambda: 1.0, random_bits=lambda _: 1)
        model.hello(1)
        for datagram in (data[2:cut], data[cut:], data[2:]):
            try:
                plain, start = model.unwrap(datagram)
                ber.decode_response(plain, start)
            except (MalformedError, Reported):
                pass
            assert model.wrap(ber.encode_request(Request(Kind.GET, ()), 2), 2)


_PASSWORD = Secret("a password of tests")
USERS = (
    User(name="reader"),
    User(name="reader", auth_protocol="SHA256", auth_password=_PASSWORD),
    User(name="reader", auth_protocol="SHA", auth_password=_PASSWORD, priv_protocol="AES", priv_password=_PASSWORD),
    User(name="reader", auth_protocol="MD5", auth_password=_PASSWORD, priv_protocol="DES", priv_password=_PASSWORD),
)


def question(data: bytes) -> None:
    """Any datagram, to our own simulated agent."""
    answer = AGENT.answer(data, 0.0)
    assert answer is None or len(answer) < 3000


AGENT = Agent(recording.parse([f"{ROOT}.1.{row}|2|{row}" for row in range(1, 30)]), started_at=0.0)


def asked(data: bytes) -> None:
    """Any bytes where an agent expects a request."""
    try:
        read_question(data)
    except (MalformedError, IndexError):
        return


def recorded(data: bytes) -> None:
    """Any text as a recording of a device."""
    try:
        read = recording.parse(data.decode(errors="replace").splitlines())
        for place in range(len(read)):
            read.value(place)
    except ValueError:
        return


def moving(data: bytes) -> None:
    """Any text as a file of moving values."""
    try:
        for series in live.parse(data.decode(errors="replace")).values():
            series.encoded(1.0)
    except ValueError:
        return


def snmp_yml(data: bytes) -> None:
    """Any text as `snmp.yml`: modules, or faults with their lines."""
    faults = None
    try:
        parse(data.decode(errors="replace"), "snmp.yml", {})
    except ConfigError as error:
        faults = error.faults
    assert faults is None or len(faults) > 0


def hint(data: bytes) -> None:
    """Any DISPLAY-HINT on any octets; a byte 0 stands between them."""
    written, _, octets = data.partition(b"\0")
    parsed = display_hint.parse(written.decode(errors="replace"))
    if parsed is not None:
        shown = display_hint.render(parsed, octets)
        assert shown is None or isinstance(shown, str)


def oids(data: bytes) -> None:
    """Any arcs: text and back."""
    shown = oid.text(data)
    assert not shown or shown.count(".") >= 1
    assert oid.order(data) is not None
    json.dumps(shown)


TARGETS: Mapping[str, Target] = {
    "message": message,
    "response": response,
    "values": values,
    "cells": cells,
    "walk": walk,
    "frames": frames,
    "user_based": user_based,
    "question": question,
    "asked": asked,
    "recorded": recorded,
    "moving": moving,
    "snmp_yml": snmp_yml,
    "hint": hint,
    "oids": oids,
}


def _varbinds(path: Path) -> bytes:
    """Return the values of a recording as varbinds below the module's root."""
    read = recording.load(path)
    pairs = [
        ber.tlv(ber.OBJECT_IDENTIFIER, name.removeprefix(RULES.walk[0])) + read.value(place)
        for place, name in enumerate(read.names)
    ]
    return b"".join([ber.tlv(ber.SEQUENCE, pair) for pair in pairs])


def _messages(security: Community | UserSecurity) -> list[bytes]:
    request = Request(Kind.GET_BULK, (oid.encode(ROOT),), 5)
    return [security.wrap(ber.encode_request(request, number), number) for number in (1, 2**31 - 1)]


def _met(user: User) -> UserSecurity:
    """Return the model of a user who knows an engine."""
    model = UserSecurity(user, Scope(), now=lambda: 1.0, random_bits=lambda _: 1)
    model.hello(1)
    with suppress(Reported, MalformedError):
        model.unwrap(_INTRODUCTION)
    return model


_INTRODUCTION = bytes.fromhex(  # RFC 3414 section 4: a report of usmStatsUnknownEngineIDs by the engine 80001f880431
    "3059020103300e020101020300ffe30401000201030416301404 0680001f880431020101020101040004000400"
    "302c040680001f8804310400a82002010102010002010030153013060a2b060106030f01010400410501 00000000".replace(" ", "")
)
_ANSWERS = [AGENT.answer(asked_for, 0.0) or b"" for asked_for in _messages(COMMUNITY)]
_GOLDEN = EVERY_RULE.parent
_ARC = oid.encode(ROOT) + b"\xff" * 3000 + b"\x01"
"""An OID with an arc of six thousand digits."""

SEEDS: Mapping[str, Sequence[bytes]] = {
    "message": [*_ANSWERS, *_messages(COMMUNITY)],
    "response": [answer[ber.header(answer, 0)[0] + 11 :] for answer in _ANSWERS],
    "values": [_varbinds(_GOLDEN / "every_rule.snmprec")],
    "cells": [bytes(range(256)) * 3],
    "walk": [bytes(range(0, 256, 7)) * 20],
    "frames": [b"\x05" + b"".join(_ANSWERS), b"\x01" + _INTRODUCTION * 3],
    "user_based": [b"\0\0" + _INTRODUCTION, *(b"\0\0" + sent for user in USERS for sent in _messages(_met(user)))],
    "question": _messages(COMMUNITY),
    "asked": _messages(COMMUNITY),
    "recorded": [(_GOLDEN / "every_rule.snmprec").read_bytes()],
    "moving": [b'{"1.3.6.1.9": {"type": "counter64", "points": [[0, 1], [10, 5.5]]}}'],
    "snmp_yml": [WALKED.encode(), EVERY_RULE.read_bytes()],
    "hint": [b"2d-1d-1d,1d:1d:1d.1d,1a1d:1d\0" + bytes(11), b"*1x:/1x:\0\x03\x01\x02\x03\x04"],
    "oids": [_ARC],
}
"""Well-formed input for each target, to begin with."""
