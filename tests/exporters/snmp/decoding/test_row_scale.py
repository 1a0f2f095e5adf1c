"""Sensors whose scale and decimal places stand in their row (RFC 3433)."""

import pytest

from exporters.metric.exposition import text
from exporters.snmp.config.catalogue import parse
from exporters.snmp.decoding.decode import samples
from exporters.snmp.decoding.labels import LabelCache
from exporters.snmp.decoding.row_scale import times_ten_to
from exporters.snmp.simulator import recording

SENSOR = """
modules:
  m:
    metrics:
      - {name: x, oid: 1.3.6.1.9.4, type: gauge, row_scale: 1.3.6.1.9.2, row_precision: 1.3.6.1.9.3,
         indexes: [{labelname: i, type: gauge}]%s}
"""


def read(lines: list[str], more: str = "") -> list[str]:
    modules, _ = parse(SENSOR % more, "sensor.yml")
    recorded = recording.parse(lines)
    table = {name: recorded.value(place) for place, name in enumerate(recorded.names)}
    return text(samples(table, modules["m"].plan, LabelCache()))[0].decode().splitlines()[2:]


def sensor(scale: str, precision: str, value: str, row: int = 1) -> list[str]:
    cells = zip((2, 3, 4), (scale, precision, value), strict=True)
    return [f"1.3.6.1.9.{column}.{row}|{cell}" for column, cell in cells if cell]


@pytest.mark.parametrize(
    ("scale", "precision", "value", "expected"),
    [
        ("2|9", "2|0", "2|42", 42),
        ("2|9", "2|1", "2|235", 23.5),  # 23.5 degrees
        ("2|8", "2|0", "2|3302", 3.302),  # millivolts
        ("2|8", "2|2", "2|123456", 1.23456),
        ("2|10", "2|0", "2|-3", -3000),  # kilo
        ("2|1", "2|0", "2|1", 1e-24),
        ("2|17", "2|0", "2|1", 1e24),
        ("2|9", "2|9", "2|1", 1e-9),
        ("2|9", "2|-3", "2|120", 120),  # digits to be trusted, no decimal places
        ("2|0", "2|0", "2|5", 5),  # no scale of the RFC: plain units
        ("2|18", "2|10", "2|5", 5),
        ("", "2|1", "2|55", 5.5),
        ("2|8", "", "2|55", 0.055),
        ("4|x", "4|y", "2|5", 5),
        ("2|8", "2|1", "68|9f78043fc00000", 0.00015),  # Opaque float 1.5
    ],
)  # fmt: skip
def test_a_row_is_scaled_as_it_says(scale: str, precision: str, value: str, expected: float) -> None:
    value = value.replace("68|", "68x|") if value.startswith("68") else value
    [line] = read(sensor(scale, precision, value.replace("68x|", "68x|")))
    assert float(line.rpartition(" ")[2]) == expected


def test_each_row_has_its_own() -> None:
    lines = [*sensor("2|9", "2|1", "2|235"), *sensor("2|8", "2|0", "2|1200", row=2)]
    assert read(sorted(lines)) == ['x{i="1"} 23.5', 'x{i="2"} 1.2']


def test_the_metric_s_own_scale_comes_after() -> None:
    assert read(sensor("2|9", "2|1", "2|235"), ", scale: 2, offset: 1") == ['x{i="1"} 48.0']


@pytest.mark.parametrize(("value", "exponent"), [(v, e) for v in (1, 3, 235, -7, 2**53 + 1) for e in range(-33, 25)])
def test_whole_numbers_are_rounded_once(value: int, exponent: int) -> None:
    assert float(times_ten_to(value, exponent)) == float(f"{value}e{exponent}")
