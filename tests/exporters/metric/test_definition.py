"""The one metric block: names linted, units checked by dimension, raw values to samples."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.metric.definition import Linear, MetricDef, compile_metric, state_of
from exporters.metric.exposition import text
from exporters.metric.units import BASES, NOT_BASE, UNITS, base_of, conversion


def block(name: str = "meter_power_watts", **more: object) -> MetricDef:
    return MetricDef(name=name, **more)  # type: ignore[arg-type]


def rendered(definition: MetricDef, value: float | str, **labels: str) -> list[str]:
    body, _ = text(compile_metric(definition).samples(value, labels.items()))
    return [line for line in body.decode().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    ("definition", "raw", "series"),
    [
        (block(), 5, "meter_power_watts 5"),
        (block(from_="kW"), 1.5, "meter_power_watts 1500.0"),
        (block(from_="kW", scale=0.1), 23, "meter_power_watts 2300"),
        (block("t_celsius", from_="°F"), 212, "t_celsius 100"),
        (block("t_celsius", from_="F", scale=0.1), 2120, "t_celsius 100"),
        (block("t_celsius", from_="K"), 273.15, "t_celsius 0.0"),
        (block("t_celsius", offset=-40), 60, "t_celsius 20"),
        (block("e_joules_total", from_="kWh"), 2, "e_joules_total 7200000"),
        (block("e_joules_total", from_="kWh", scale=0.1), 12345, "e_joules_total 4444200000"),
        (block("load_ratio", from_="%"), 55, "load_ratio 0.55"),
        (block("v_volts", scale=0.1), 2301, "v_volts 230.1"),
        (block("flow_cubic_meters_per_second", from_="L/min"), 60000, "flow_cubic_meters_per_second 1.0"),
        (block(labels={"phase": "L1"}), 1, 'meter_power_watts{phase="L1"} 1'),
    ],
)
def test_value_becomes_a_base_unit(definition: MetricDef, raw: float, series: str) -> None:
    (got,) = rendered(definition, raw)
    name, _, number = got.rpartition(" ")
    assert (name, float(number)) == (series.rpartition(" ")[0], pytest.approx(float(series.rpartition(" ")[2])))
    assert list(definition.config_faults()) == []


def test_tenths_stay_tenths() -> None:
    assert rendered(block("v_volts", scale=0.1), 2301) == ["v_volts 230.1"]


def test_whole_numbers_stay_whole() -> None:
    assert rendered(block("e_joules_total", from_="kWh"), 2**53) == [f"e_joules_total {2**53 * 3_600_000}"]


@pytest.mark.parametrize(
    ("definition", "path", "message"),
    [
        (block(from_="kWh"), "from", "'kWh' becomes joules, but the name 'meter_power_watts' ends in watts"),
        (block("x", from_="kWh"), "from", "'kWh' becomes joules, but the name 'x' names no unit (end it in '_joules')"),
        (block(from_="kwatt"), "from", "'kwatt' is not a known unit"),
        (block("e_joules", counter=True), "name", "'e_joules' is a counter, so its name must end in '_total'"),
        (block("e_total", counter=False), "name", "'e_total' is no counter, so its name must not end in '_total'"),
        (block("e_kwh_total"), "name", "'e_kwh_total' is not in a base unit: end it in '_joules'"),
        (block("lag_milliseconds"), "name", "end it in '_seconds'"),
        (block("load_percent"), "name", "end it in '_ratio'"),
        (block("a-b"), "name", "'a-b' is no metric name"),
        (block("a:b"), "name", "'a:b' is no metric name"),
        (block("x_count"), "name", "ends like a part of a histogram"),
        (block(scale=0), "scale", "a scale of 0 makes every value 0"),
        (block("s", enum={1: "on"}, scale=2), "enum", "a state has no unit, scale or offset"),
        (block("s_total", enum={1: "on"}), "enum", "a state is no counter"),
        (block(labels={"instance": "x"}), "labels.instance", "the label 'instance' belongs to Prometheus"),
        (block(labels={"__x": "x"}), "labels.__x", "'__x' is no label name"),
    ],
)
def test_fault_says_what_is_wrong(definition: MetricDef, path: str, message: str) -> None:
    assert any(where == path and message in said for where, said in definition.config_faults())


STATES = block("inverter_state", help="State.", enum={1: "off", 4: "mppt", 7: "fault"})


def test_enum_is_a_state_set() -> None:
    assert rendered(STATES, 4) == [
        'inverter_state{inverter_state="off"} 0',
        'inverter_state{inverter_state="mppt"} 1',
        'inverter_state{inverter_state="fault"} 0',
    ]


def test_unknown_state_is_shown_by_its_number() -> None:
    assert 'inverter_state{inverter_state="9"} 1' in rendered(STATES, 9)
    assert sum(line.endswith(" 1") for line in rendered(STATES, 9)) == 1


def test_text_is_an_info_label() -> None:
    assert rendered(block("meter_serial_info"), 'A"7') == ['meter_serial_info{meter_serial="A\\"7"} 1']


@pytest.mark.parametrize("raw", [0xFFFF, -32768.0, "n/a", math.nan])
def test_null_values_and_nan_give_no_sample(raw: float | str) -> None:
    assert rendered(block(null_values=(0xFFFF, -32768.0, "n/a")), raw) == []


def test_labels_of_a_value_join_those_of_the_block() -> None:
    assert rendered(block(labels={"b": "2"}), 1, a="1") == ['meter_power_watts{a="1",b="2"} 1']


@pytest.mark.parametrize(("name", "kind"), [("a_total", "counter"), ("a", "gauge")])
def test_counter_is_known_by_its_name(name: str, kind: str) -> None:
    assert compile_metric(block(name)).family.type == kind


@given(st.integers(-(2**63), 2**63), st.fractions(max_denominator=10**6))
def test_conversion_of_whole_numbers_is_exact_or_rounded_once(value: int, factor: Fraction) -> None:
    exact = value * factor
    assert Linear.of(factor, Fraction(0))(value) == (int(exact) if factor.denominator == 1 else exact.__float__())


@given(st.one_of(st.integers(), st.floats(), st.text()))
def test_any_raw_value_makes_samples_that_can_be_written(value: float | str) -> None:
    for definition in (block(), STATES):
        body, left_out = text(compile_metric(definition).samples(value))
        assert left_out == 0
        assert isinstance(body, bytes)


@pytest.mark.parametrize("value", ["١٢", "4.0", "-7", "9" * 30, 1e300])
def test_state_is_whole_or_text(value: float | str) -> None:
    assert isinstance(state_of(value), int | str)


def test_every_unit_has_a_name_that_takes_it() -> None:
    for symbol, unit in UNITS.items():
        assert conversion(symbol, f"x_{unit.base}") is unit
        assert base_of(f"x_{unit.base}_total") == unit.base


def test_what_is_no_base_unit_leads_to_one() -> None:
    assert set(NOT_BASE.values()) <= set(BASES)
    assert not set(NOT_BASE) & set(BASES)
