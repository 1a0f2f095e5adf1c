"""Module blocks: every wrong key with its place and remedy, and what a good one compiles to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.metric.samples import Sample
from exporters.modbus.catalogue import builtin_modules
from exporters.modbus.decode import samples_of
from exporters.modbus.likeness import image_at
from exporters.modbus.module import ModbusModule, ModbusPlan, compile_module
from exporters.modbus.plan import describe
from heronwatch.config import loads
from heronwatch.errors import ConfigError

NEEDS_TABLE = "needs a table (holding, input, coil or discrete), or must be a Modicon reference such as 40001 or 400001"
NOT_BASE = "is not in a base unit: end it in '_joules' and say what the device speaks by 'from'"
METER: ModbusPlan = builtin_modules()["eastron_sdm630"].plan


def compiled(text: str) -> ModbusPlan:
    plan: ModbusPlan = compile_module("plc", loads(text, ModbusModule).value).plan
    return plan


def decoded(text: str, words: dict[int, int]) -> list[Sample]:
    """The samples of a module on a device that holds these words, by address, whatever the table."""
    plan = compiled(text)
    samples: list[Sample] = []
    for block in plan.blocks:
        values = [words[block.address + i] for i in range(block.count)]
        samples += samples_of(block, values, plan.fields)
    return samples


def series(samples: list[Sample]) -> dict[str, float]:
    return {f"{family.name}{labels}": value for family, labels, value in samples}


@pytest.mark.parametrize(
    ("metric", "fault"),
    [
        ("{name: a_volts, address: 0, type: unit16}", "type: 'unit16' is not a register type (did you mean 'uint16'?)"),
        ("{name: a_volts, address: 72}", f"address: '72' {NEEDS_TABLE}"),
        ("{name: a_volts, address: -1, table: input}",
            "address: '-1' is not an address from 0 to 65535, nor a Modicon reference"),
        ("{name: a_volts, address: 65535, table: input, type: float32}",
            "address: a_volts: ends at 65536, after the last address 65535"),
        ("{name: a_volts, address: 0, table: inputs}", "table: 'inputs' is not a table (did you mean 'input'?)"),
        ("{name: run, address: 0, table: coil, type: uint16}",
            "type: the table 'coil' holds single bits: the type is 'bool' or left out"),
        ("{name: run, address: 40001, type: bit}",
            "bit: the type 'bit' needs a bit from 0 to 15, and no other type has one"),
        ("{name: run, address: 40001, bit: 3}",
            "bit: the type 'bit' needs a bit from 0 to 15, and no other type has one"),
        ("{name: serial_info, address: 40001, type: string}",
            "length: the type 'string' needs a length in registers, and no other type has one"),
        ("{name: serial, address: 40001, type: string, length: 4}",
            "name: 'serial' is a text, so its name must end in '_info'"),
        ("{name: on_ratio, address: 40001, type: bit, bit: 1, scale: 10}", "type: a bit has no unit, scale or offset"),
        ("{name: a_kwh, address: 40001}", f"name: 'a_kwh' {NOT_BASE}"),
    ],
)  # fmt: skip
def test_wrong_metric_is_named_with_its_remedy(metric: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(f"metrics:\n  - {metric}\n", ModbusModule, file="exporters.yml")
    assert str(caught.value) == f"exporters.yml:2: metrics[0].{fault}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("metrics: []", "exporters.yml:1: metrics: "),
        ("read: {max_registers: 126}\nmetrics: [{name: a, address: 40001}]", "exporters.yml:1: read.max_registers: "),
        ("read: {response_timeout: 0s}\nmetrics: [{name: a, address: 40001}]",
            "exporters.yml:1: read.response_timeout: must be longer than 0s"),
        ("read: {max_registers: 2}\nmetrics:\n- {name: a, address: 40001, type: uint64}",
            "exporters.yml:3: metrics[0].address: a: 4 registers do not fit in a request of 1 to 2"),
        ("metrics:\n- {name: a, address: 40001}\n- {name: a, address: 40002}",
            "exporters.yml:3: metrics[1].name: the same series as metrics[0]; tell them apart by labels"),
    ],
)  # fmt: skip
def test_wrong_module_is_named_with_its_remedy(text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(text, ModbusModule, file="exporters.yml")
    assert str(caught.value).startswith(fault)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        loads("metrics:\n- {name: a, address: 7}\n- {name: b, address: 40001, bit: 3}\n", ModbusModule)
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize(
    ("metric", "words", "expected"),
    [
        ("{name: t_celsius, address: 40001, type: int16, from: C, scale: 0.1}", {0: 0xFF38}, {"t_celsius": -20.0}),
        ("{name: e_joules_total, address: 40001, type: uint32, from: Wh}", {0: 1, 1: 0},
            {"e_joules_total": 65536 * 3600}),
        ("{name: e_joules_total, address: 40001, type: uint64, order: DCBA, from: kWh, scale: 0.01}",
            {0: 0x0200, 1: 0, 2: 0, 3: 0}, {"e_joules_total": 2 * 36_000}),
        ("{name: run, address: 40001, type: bit, bit: 15}", {0: 0x8000}, {"run": 1}),
        ("{name: run, address: 1, table: coil}", {1: 1}, {"run": 1}),
        ("{name: run, address: 10002}", {1: 0}, {"run": 0}),
        ("{name: state, address: 40001, enum: {1: standby, 4: mppt}}", {0: 4},
            {'state{state="mppt"}': 1, 'state{state="standby"}': 0}),
        ("{name: t_celsius, address: 40001, type: int16, null_values: [-32768]}", {0: 0x8000}, {}),
        ("{name: u_volts, address: 40001, type: float32}", {0: 0x7FC0, 1: 0}, {}),  # NaN: no value
        ("{name: device_serial_info, address: 40001, type: string, length: 2}", {0: 0x4142, 1: 0x4300},
            {'device_serial_info{device_serial="ABC"}': 1}),
    ],
)  # fmt: skip
def test_registers_become_samples(metric: str, words: dict[int, int], expected: dict[str, float]) -> None:
    assert series(decoded(f"metrics: [{metric}]", words)) == pytest.approx(expected)


def test_whole_numbers_stay_exact() -> None:
    words = {0: 0xFFFF, 1: 0xFFFF, 2: 0xFFFF, 3: 0xFFFF}
    [(_, _, value)] = decoded("metrics: [{name: n, address: 40001, type: uint64}]", words)
    assert value == 18446744073709551615


def test_defaults_hold_unless_a_metric_says_otherwise() -> None:
    text = """
defaults: {table: holding, type: uint32, order: CDAB}
metrics: [{name: a, address: 0}, {name: b, address: 2, type: int16}]
"""
    assert series(decoded(text, {0: 1, 1: 0, 2: 0xFFFF})) == {"a": 1, "b": -1}


def test_shipped_meter_asks_three_times_and_nothing_in_between() -> None:
    plan: ModbusPlan = builtin_modules()["eastron_sdm630"].plan
    lines = describe(plan.blocks, [field.span for field in plan.fields]).splitlines()
    assert [line.split(":")[1] for line in lines] == [
        " fc 4 input 0..35 (300001..300036), 36 registers",
        " fc 4 input 52..53 (300053..300054), 2 registers",
        " fc 4 input 70..75 (300071..300076), 6 registers",
    ]


@pytest.mark.parametrize("name", builtin_modules())
def test_simulated_module_decodes_to_its_own_examples(name: str) -> None:
    plan: ModbusPlan = builtin_modules()[name].plan
    words = image_at(plan.fields, {}, now=0.0).words
    found = {place.address: word for place, word in words.items()}
    samples = [
        s
        for block in plan.blocks
        for s in samples_of(block, [found[block.address + i] for i in range(block.count)], plan.fields)
    ]
    assert [value for _, _, value in samples] == pytest.approx([field.example for field in plan.fields], rel=1e-6)


@settings(deadline=None)
@given(st.lists(st.integers(0, 65_535), min_size=76, max_size=76))
def test_any_registers_decode_without_an_error(words: list[int]) -> None:
    for block in METER.blocks:
        samples_of(block, words[block.address : block.address + block.count], METER.fields)
