"""Packets in words, and each value as it came beside what the module made of it. Pure.

What is told here is the PDU in clear: it has no community, no user name and no key in it.
"""

import json
from collections.abc import Iterator, Sequence

from msgspec import structs

from exporters.metric.exposition import number_text
from exporters.metric.samples import Sample
from exporters.probing.collector import Module, Target
from exporters.snmp import ber, oid
from exporters.snmp.ber import Element
from exporters.snmp.decoding import values
from exporters.snmp.decoding.decode import samples
from exporters.snmp.decoding.labels import LabelCache
from exporters.snmp.errors import SnmpError
from exporters.snmp.plan import Column, Plan

PDUS = {0xA0: "Get", 0xA1: "GetNext", 0xA2: "Response", 0xA5: "GetBulk", 0xA8: "Report"}
STATUSES = {
    0: "noError", 1: "tooBig", 2: "noSuchName", 3: "badValue", 4: "readOnly", 5: "genErr", 6: "noAccess",
    13: "resourceUnavailable", 16: "authorizationError",
}  # fmt: skip  # RFC 3416 section 3
TYPES = {
    ber.INTEGER: "INTEGER", ber.OCTET_STRING: "OCTET STRING", ber.NULL: "NULL", ber.OBJECT_IDENTIFIER: "OID",
    ber.IP_ADDRESS: "IpAddress", ber.COUNTER32: "Counter32", ber.GAUGE32: "Gauge32", ber.TIME_TICKS: "TimeTicks",
    ber.OPAQUE: "Opaque", ber.COUNTER64: "Counter64", ber.UINTEGER32: "UInteger32",
    ber.NO_SUCH_OBJECT: "noSuchObject", ber.NO_SUCH_INSTANCE: "noSuchInstance", ber.END_OF_MIB_VIEW: "endOfMibView",
}  # fmt: skip
NO_METRIC = "of no metric; it may serve a label"
MOST_KEPT = 1_000_000
SHOWN_BYTES = 32
SILENCE = (
    "SNMP v1 and v2c answer nothing to a wrong community, so silence looks the same for each of these:\n"
    "the community (--credential, and --config.file where it is defined) and the version: is it SNMP v3 only?\n"
    "the device's own list of addresses that may ask, and firewalls on the way, for UDP port {port}\n"
    "the address, and whether SNMP is switched on; a slow device may need a longer --timeout"
)
ADVICE = {
    "refused": "is SNMP switched on at the device, and is {port} its port? The machine is there: it refused at once",
    "unreachable": "the address, the route to it, and whether the machine is switched on",
    "auth": "user name, security level, both protocols and both passwords, as the device has them",
    "decode": "--trace shows the packets; is it an SNMP agent that listens on port {port}?",
    "limit": "--trace shows where the device goes in circles; allow_nonincreasing_oids, or fewer subtrees in 'walk'",
    "stalled": "--trace shows the last answer; a slow device may need a longer --timeout, or a smaller max_repetitions",
    "stray": "who else asks the device, and whether something on the way answers for it; a slow device that answers "
    "after the module's timeout may need a longer one",
    "device": "--trace shows the request that the device refused; it may not have what the module's 'get' names",
}
V3_SILENCE = (
    "a v3 device answers even unknown users, so silence means that nothing came through: firewalls on the way for UDP "
    "port {port}, the device's list of addresses, v3 switched off there, or another address"
)


class SnmpExplainer:
    """Says what went over the wire, and remembers the values for `values`."""

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        self._table: dict[bytes, Element] = {}

    def packet(self, direction: str, packet: bytes) -> Sequence[str]:
        """Return lines for a PDU: what it is, its bytes, what is in it."""
        try:
            packet = packet[: ber.header(packet, 0)[1]]  # what was encrypted may have padding behind it
            first, *others = self._said(packet)
        except (SnmpError, IndexError) as error:
            first, others = f"no PDU: {error}", []
        return [f"{direction:<9}{first}", f"  {packet.hex()}", *(f"  {line}" for line in others)]

    def _said(self, pdu: bytes) -> Iterator[str]:
        kind = PDUS.get(pdu[0], f"PDU 0x{pdu[0]:02x}")
        pos, _ = ber.header(pdu, 0)
        number, pos = ber.read_integer(pdu, pos)
        second, pos = ber.read_integer(pdu, pos)
        third, pos = ber.read_integer(pdu, pos)
        pairs = list(_varbinds(pdu, pos))
        if pdu[0] != ber.RESPONSE:
            times = f", up to {third} times" if kind == "GetBulk" else ""
            yield f"{kind} {number}{times}: {', '.join(oid.text(name) for name, _ in pairs)}"
            return
        if self._keep and len(self._table) < MOST_KEPT:
            self._table.update((name, value) for name, value in pairs if value[0] < ber.NO_SUCH_OBJECT)
        status = f", {STATUSES.get(second, f'error-status {second}')} at {third}" if second else ""
        values = "1 value" if len(pairs) == 1 else f"{len(pairs)} values"
        yield f"{kind} {number}{status}: {values}, {len(pdu)} bytes"
        yield from (f"{oid.text(name)} = {shown(value)}" for name, value in pairs)

    def values(self, module: Module) -> Sequence[str]:
        """Return a line for each value: OID, bytes, and the samples that the module made of it."""
        table, self._table = self._table, {}
        plan = module.plan
        made = _made(table, plan) if isinstance(plan, Plan) else {}
        other = NO_METRIC if isinstance(plan, Plan) else f"for a module that {module.name} chose: trace that one"
        lines = [f"values   of module {module.name}, as they came and what was made of them"]
        for name, value in table.items():
            lines.append(f"  {oid.text(name)} {_raw(value)}")
            lines += (f"    {line}" for line in made.get(name, (other,)))
        return lines if table else []

    def advice(self, reason: str, target: Target) -> str:
        """Return what a person may check."""
        version = getattr(target.credential.value, "version", 2) if target.credential else 2
        text = (V3_SILENCE if version == 3 else SILENCE) if reason == "timeout" else ADVICE.get(reason, "")
        return text.format(port=target.port)


def _varbinds(pdu: bytes, pos: int) -> Iterator[tuple[bytes, Element]]:
    pos, end = ber.header(pdu, pos)
    while pos < end:
        start, stop = ber.header(pdu, pos)
        name, name_end = ber.header(pdu, start)
        yield pdu[name:name_end], pdu[name_end:stop]
        pos = stop


def shown(element: Element) -> str:
    r"""Return a value in words.

    >>> shown(bytes.fromhex("0403616263")), shown(bytes.fromhex("410105")), shown(bytes.fromhex("0402ff00"))
    ('OCTET STRING "abc"', 'Counter32 5', 'OCTET STRING 0xFF00')
    """
    value = ber.unpacked(element)
    kind = TYPES.get(value[0], f"type 0x{value[0]:02x}")
    if value[0] == ber.NULL or value[0] >= ber.NO_SUCH_OBJECT:
        return kind
    if values.is_bytes(value):
        text = _text(value[1])
        return f"{kind} {text}" if text else f"{kind} {values.octets_text(value[1], '') or 'of no bytes'}"
    return f"{kind} {values.text(value, '')}"


def _text(octets: bytes) -> str:
    """Return octets as a quoted text, or "" where they are none."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return ""
    shown_text = text.replace("\r", "").replace("\n", "").replace("\t", "")
    return json.dumps(text, ensure_ascii=False) if text and (shown_text.isprintable() or not shown_text) else ""


def _raw(element: Element) -> str:
    whole = element.hex(" ", 1)
    return (
        f"[{whole}]" if len(element) <= SHOWN_BYTES else f"[{element[:SHOWN_BYTES].hex(' ', 1)} … {len(element)} bytes]"
    )


def _made(table: dict[bytes, Element], plan: Plan) -> dict[bytes, list[str]]:
    """Return the samples that each value gave."""
    made: dict[bytes, list[str]] = {}
    by_column: dict[Column, list[bytes]] = {}
    for name in table:
        column = next((c for size in plan.column_sizes if (c := plan.columns.get(name[:size])) is not None), None)
        if column is not None:
            by_column.setdefault(column, []).append(name)
    for column, names in by_column.items():
        alone = structs.replace(plan, columns={column.oid: column}, column_sizes=(len(column.oid),))
        made.update(_of_column(alone, names, table))
    return made


def _of_column(alone: Plan, names: Sequence[bytes], table: dict[bytes, Element]) -> Iterator[tuple[bytes, list[str]]]:
    """Yield what a column gave, row by row: at once where each row gave one sample, else one after the other."""
    try:
        found = samples(table, alone, LabelCache())
        if len(found) == len(names):
            yield from ((name, [_sample(sample)]) for name, sample in zip(names, found, strict=True))
            return
        others = {name: value for name, value in table.items() if name not in set(names)}
        for name in names:
            rows = samples({**others, name: table[name]}, alone, LabelCache())
            yield name, [_sample(sample) for sample in rows] or ["no sample: nothing that this type can be made of"]
    except SnmpError as error:
        yield from ((name, [f"fault: {error}"]) for name in names)


def _sample(sample: Sample) -> str:
    family, labels, value = sample
    return f"{family.name}{labels} {value if isinstance(value, int) else number_text(value)}"
