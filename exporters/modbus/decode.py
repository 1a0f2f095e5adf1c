"""Registers to samples: the values of one answered block, given to the fields that it serves."""

from collections.abc import Sequence

from exporters.metric.samples import Sample
from exporters.modbus.module import Field
from exporters.modbus.plan import Block
from exporters.modbus.registers import Value, unpack


def samples_of(block: Block, values: Sequence[int], fields: Sequence[Field]) -> list[Sample]:
    """Decode an answered block; ``values`` are its registers (0 to 65535), or its bits, in order."""
    samples: list[Sample] = []
    for index in block.spans:
        field = fields[index]
        samples.extend(field.metric.samples(_raw(block, values, field)))
    return samples


def _raw(block: Block, values: Sequence[int], field: Field) -> Value:
    start = field.place.address - block.address
    if block.table.is_bits:
        return values[start]
    words = values[start : start + field.layout.registers]
    return unpack(b"".join(word.to_bytes(2, "big") for word in words), field.layout)
