"""A module turned round: from values of its metrics to the registers that a device would hold."""

from collections.abc import Iterable, Mapping, Sequence
from math import pi, sin

from exporters.metric.definition import Metric
from exporters.modbus.address import Place, Table
from exporters.modbus.image import Image, words_of
from exporters.modbus.module import Field
from exporters.modbus.registers import RegisterType, Value
from exporters.probing.tracks import Track, value_at

COUNTED_FROM = 1_700_000_000.0  # any moment in the past will do: simulated counters grow from here
WAVE, WAVE_S = 0.01, 900.0  # simulated gauges swing by so much around their example, once in so many seconds


class UnknownTrackError(ValueError):
    """A live file names something that the module does not have."""


def image_at(fields: Sequence[Field], tracks: Mapping[str, Track], now: float) -> Image:
    """Fill every register of the fields: from the tracks where they name it, else with its example.

    Later fields win where two share a register, except single bits, which are combined.
    """
    words: dict[Place, int] = {}
    for field in fields:
        for place, word in words_of(field.place, field.layout, _raw(field, tracks, now)):
            is_bit = field.layout.type is RegisterType.BIT
            words[place] = words.get(place, 0) | word if is_bit else word
    return Image(words)


def check_names(fields: Iterable[Field], tracks: Mapping[str, Track]) -> None:
    """Raise UnknownTrackError for tracks that no field goes by."""
    known = {name for field in fields for name in names_of(field)}
    unknown = sorted(set(tracks) - known)
    if unknown:
        raise UnknownTrackError(f"nothing in the module is called {unknown[0]!r}; known are {', '.join(sorted(known))}")


def names_of(field: Field) -> tuple[str, ...]:
    """List the names a live file may use, the most exact first: series, ``table:address`` (raw value), metric."""
    return field.label, f"{field.place.table}:{field.place.address}", field.metric.family.name


def _raw(field: Field, tracks: Mapping[str, Track], now: float) -> Value:
    series, address, name = names_of(field)
    if address in tracks and series not in tracks:
        return value_at(tracks[address].points, now)
    track = tracks.get(series) or tracks.get(name)
    value = value_at(track.points, now) if track else _shown(field, now)
    if field.layout.type is RegisterType.STRING:
        return "SIMULATED"
    if field.metric.enum or field.place.table in {Table.COIL, Table.DISCRETE}:
        return value
    return device_value(field.metric, value)


def _shown(field: Field, now: float) -> float:
    """Give what the field shows without a track: a counter that grows, a number that swings, a state."""
    if field.metric.family.type == "counter":
        return field.example + field.example_rate * max(0.0, now - COUNTED_FROM)
    swings = field.layout.type in {RegisterType.FLOAT32, RegisterType.FLOAT64} and not field.metric.enum
    return field.example * (1 + WAVE * sin(2 * pi * now / WAVE_S)) if swings else field.example


def device_value(metric: Metric, value: float) -> float:
    """Turn a value in base units back into what the device speaks."""
    linear = metric.linear
    return (value - linear.offset) * linear.denominator / linear.numerator
