"""The request plan: which reads fetch all spans of a module, decided without touching a socket.

Neighbouring spans are merged into blocks. The defaults are the safe ones: no register is read that no
metric asked for (``max_gap`` 0), no value is split over two requests (a device may change it in between),
and no request exceeds what the specification allows.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from exporters.modbus.address import LAST_ADDRESS, Place, Table, modicon

MAX_REGISTERS = 125  # Modbus Application Protocol V1.1b3, sections 6.3 and 6.4: quantity 1 to 0x7D
MAX_BITS = 2000  # the same, sections 6.1 and 6.2: quantity 1 to 0x7D0


class Span(Struct, frozen=True):
    """The addresses of one metric: where it starts and how many registers or bits it takes."""

    place: Place
    count: int
    label: str

    @property
    def end(self) -> int:
        """The first address after the span."""
        return self.place.address + self.count


class Limits(Struct, frozen=True):
    """What a device accepts: the most registers and bits of one request, and the gap that may be read over.

    ``boundaries`` are addresses no request may reach across: a request may start there, or end before.
    """

    max_registers: int = MAX_REGISTERS
    max_bits: int = MAX_BITS
    max_gap: int = 0
    boundaries: tuple[int, ...] = ()

    def most(self, table: Table) -> int:
        """Count how many addresses of a table one request may read."""
        return self.max_bits if table.is_bits else self.max_registers


class Block(Struct, frozen=True):
    """One request: a run of addresses of one table, and the indexes of the spans it serves."""

    table: Table
    address: int
    count: int
    spans: tuple[int, ...]

    def __str__(self) -> str:
        """Write the block as a fault message names it: ``fc 4 input 0..5``."""
        return f"fc {self.table.function} {self.table} {self.address}..{self.address + self.count - 1}"


def plan(spans: Sequence[Span], limits: Limits = Limits()) -> tuple[Block, ...]:  # noqa: B008  a frozen value
    """Merge spans into the fewest blocks the limits allow, ordered by table and address.

    Raises ValueError for a span that fits in no request or lies beyond the last address.

    >>> first, second = Span(Place(Table.INPUT, 0), 2, "volts"), Span(Place(Table.INPUT, 2), 2, "amperes")
    >>> [str(block) for block in plan([first, second])]
    ['fc 4 input 0..3']
    """
    order = sorted(range(len(spans)), key=lambda i: (spans[i].place.table.function, spans[i].place.address))
    blocks: list[Block] = []
    for index in order:
        span = spans[index]
        _check(span, limits)
        merged = _extend(blocks[-1], span, index, limits) if blocks else None
        if merged is None:
            blocks.append(Block(span.place.table, span.place.address, span.count, (index,)))
        else:
            blocks[-1] = merged
    return tuple(blocks)


def describe(blocks: Iterable[Block], spans: Sequence[Span]) -> str:
    """Print the plan, a request a line: function, wire addresses, Modicon references, and whom it serves."""
    lines = []
    for number, block in enumerate(blocks, start=1):
        first = modicon(Place(block.table, block.address))
        last = modicon(Place(block.table, block.address + block.count - 1))
        unit = "bits" if block.table.is_bits else "registers"
        served = ", ".join(spans[index].label for index in block.spans)
        lines.append(f"{number}: {block} ({first}..{last}), {block.count} {unit}: {served}")
    return "\n".join(lines)


def _check(span: Span, limits: Limits) -> None:
    most = limits.most(span.place.table)
    if not 1 <= span.count <= most:
        raise ValueError(f"{span.label}: {span.count} registers do not fit in a request of 1 to {most}")
    if span.end - 1 > LAST_ADDRESS:
        raise ValueError(f"{span.label}: ends at {span.end - 1}, after the last address {LAST_ADDRESS}")
    if (cut := _crossed(span.place.address, span.end, limits.boundaries)) is not None:
        raise ValueError(f"{span.label}: reaches across the boundary at {cut}")


def _extend(block: Block, span: Span, index: int, limits: Limits) -> Block | None:
    """Give the block with the span added, or None where a limit forbids it."""
    end = max(block.address + block.count, span.end)
    joins = (
        span.place.table is block.table
        and span.place.address - (block.address + block.count) <= limits.max_gap
        and end - block.address <= limits.most(block.table)
        and _crossed(block.address, end, limits.boundaries) is None
    )
    return Block(block.table, block.address, end - block.address, (*block.spans, index)) if joins else None


def _crossed(start: int, end: int, boundaries: Iterable[int]) -> int | None:
    return next((cut for cut in boundaries if start < cut < end), None)
