"""The module block of Modbus: what a person writes, checked, and compiled to a plan."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import Struct

from exporters.metric.definition import Metric, MetricDef, compile_metric
from exporters.metric.samples import label_text
from exporters.modbus.address import Address, Place, Table, resolve
from exporters.modbus.plan import MAX_BITS, MAX_REGISTERS, Block, Limits, Span, plan
from exporters.modbus.registers import BITS_IN_REGISTER, Layout, Order, RegisterType, width
from exporters.probing.collector import Module, ModuleBlock
from heronwatch.values import Duration

Registers = Annotated[int, msgspec.Meta(ge=1, le=MAX_REGISTERS)]


class ModbusMetric(MetricDef, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One value of a device: the metric block, and where the value stands."""

    address: Address
    table: Table | None = None
    type: RegisterType | None = None
    order: Order | None = None
    bit: Annotated[int, msgspec.Meta(ge=0, le=BITS_IN_REGISTER - 1)] | None = None
    """Which bit, 0 the lowest; for the type `bit` only."""
    length: Registers | None = None
    """How many registers, two characters in each; for the type `string` only."""
    example: float = 0
    """What a simulated device shows, in the unit of the metric's name."""
    example_rate: float = 0
    """How fast a simulated counter grows, a second."""


class MetricDefaults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Keys for all metrics of a module that do not say otherwise."""

    table: Table | None = None
    type: RegisterType | None = None
    order: Order = Order.ABCD


class ReadOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the device may be asked. The defaults read no register that no metric names."""

    max_registers: Registers = MAX_REGISTERS
    max_bits: Annotated[int, msgspec.Meta(ge=1, le=MAX_BITS)] = MAX_BITS
    max_gap: Annotated[int, msgspec.Meta(ge=0, le=MAX_REGISTERS)] = 0
    """How many unnamed registers a request may read over; many devices answer those with an exception."""
    boundaries: tuple[Annotated[int, msgspec.Meta(ge=0, le=65_535)], ...] = ()
    connect_timeout: Duration = Duration(3.0)
    response_timeout: Duration = Duration(2.0)
    pause_after_connect: Duration = Duration(0.0)
    pause_between_requests: Duration = Duration(0.0)
    idle_close: Duration = Duration(60.0)
    """After how much quiet the connection is closed, so that others find a free one."""

    def config_faults(self) -> Iterator[tuple[str, str]]:
        """Yield what cannot work: time-outs of nothing."""
        for key in ("connect_timeout", "response_timeout"):
            if not getattr(self, key):
                yield key, "must be longer than 0s"

    def limits(self) -> Limits:
        """Give what the planner needs of these options."""
        return Limits(self.max_registers, self.max_bits, self.max_gap, self.boundaries)


class ModbusModule(
    ModuleBlock, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag="modbus"
):
    """A kind of device: its metrics and how to read them."""

    help: str = ""
    defaults: MetricDefaults = MetricDefaults()
    read: ReadOptions = ReadOptions()
    metrics: Annotated[tuple[ModbusMetric, ...], msgspec.Meta(min_length=1)]

    def config_faults(self) -> Iterator[tuple[str, str]]:
        """Yield everything that the metrics and the rest of the module make wrong together."""
        seen: dict[tuple[str, str], int] = {}
        for index, metric in enumerate(self.metrics):
            yield from ((f"metrics[{index}].{key}", message) for key, message in _metric_faults(metric, self))
            first = seen.setdefault((metric.name, label_text(metric.labels.items())), index)
            if first != index:
                yield f"metrics[{index}].name", f"the same series as metrics[{first}]; tell them apart by labels"


class Field(Struct, frozen=True, eq=False):
    """One compiled metric: where its value stands, how it is laid out, and what becomes of it."""

    place: Place
    layout: Layout
    metric: Metric
    example: float
    example_rate: float

    @property
    def label(self) -> str:
        """Name the series as a request plan prints it."""
        return f"{self.metric.family.name}{self.metric.label_text}"

    @property
    def span(self) -> Span:
        """The addresses to read for it."""
        return Span(self.place, self.layout.registers, self.label)


class ModbusPlan(Struct, frozen=True, eq=False):
    """A module compiled: its fields, the requests that fetch them (their indexes point into fields), and timing."""

    fields: tuple[Field, ...]
    blocks: tuple[Block, ...]
    read: ReadOptions


def compile_module(name: str, block: ModbusModule) -> Module:
    """Compile a block without faults; ValueError where its metrics cannot be read within its own limits."""
    fields = tuple(_field(metric, block.defaults) for metric in block.metrics)
    blocks = plan([field.span for field in fields], block.read.limits())
    return Module(name=name, plan=ModbusPlan(fields, blocks, block.read))


def _field(metric: ModbusMetric, defaults: MetricDefaults) -> Field:
    place = resolve(metric.address, metric.table or defaults.table)
    kind = _type(metric, defaults, place.table)
    layout = Layout(
        type=kind,
        order=metric.order or defaults.order,
        registers=metric.length or width(kind),
        bit=metric.bit or 0,
    )
    return Field(place, layout, compile_metric(metric), metric.example, metric.example_rate)


def _type(metric: ModbusMetric, defaults: MetricDefaults, table: Table) -> RegisterType:
    """Choose the type: what the metric names holds; the module's default is for registers, and bits are always bool."""
    if table.is_bits:
        return metric.type or RegisterType.BOOL
    return metric.type or defaults.type or RegisterType.UINT16


def _metric_faults(metric: ModbusMetric, module: ModbusModule) -> Iterable[tuple[str, str]]:
    try:
        place = resolve(metric.address, metric.table or module.defaults.table)
    except ValueError as error:
        yield "address", str(error)
        return
    kind = _type(metric, module.defaults, place.table)
    yield from _type_faults(metric, kind, place.table)
    span = Span(place, metric.length or width(kind), metric.name)
    try:
        plan([span], module.read.limits())
    except ValueError as error:
        yield "address", str(error)


def _type_faults(metric: ModbusMetric, kind: RegisterType, table: Table) -> Iterable[tuple[str, str]]:
    if table.is_bits and kind is not RegisterType.BOOL:
        yield "type", f"the table {table.value!r} holds single bits: the type is 'bool' or left out"
    if (metric.bit is not None) != (kind is RegisterType.BIT):
        yield "bit", "the type 'bit' needs a bit from 0 to 15, and no other type has one"
    if (metric.length is not None) != (kind is RegisterType.STRING):
        yield "length", "the type 'string' needs a length in registers, and no other type has one"
    if kind is RegisterType.STRING and not metric.name.endswith("_info"):
        yield "name", f"{metric.name!r} is a text, so its name must end in '_info'"
    if not kind.is_number and (metric.from_ or metric.scale != 1 or metric.offset):
        yield "type", f"a {kind.value} has no unit, scale or offset"
