"""The page of the plug-in: its examples load, its tables name what the code has."""

import re
from pathlib import Path

import pytest

from exporters.loading import Sources, load_setup
from exporters.modbus import PLUGIN
from exporters.modbus.module import ModbusMetric, ReadOptions
from exporters.modbus.plan import describe
from exporters.modbus.registers import Order, RegisterType
from exporters.probing.tracks import read_tracks

PAGE = (Path(__file__).parents[3] / "docs/exporters/modbus.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", YAML)
def test_example_is_a_configuration_without_faults(example: str, tmp_path: Path) -> None:
    file = tmp_path / "exporters.yml"
    file.write_text(example)
    setup = load_setup(Sources(config_files=(str(file),)), [PLUGIN])
    plan = setup.modules["modbus"]["heat-pump"].plan
    assert describe(plan.blocks, [field.span for field in plan.fields]).count("\n") == 3


def test_live_example_is_one() -> None:
    [example] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert list(read_tracks(example.encode())) == ['electrical_voltage_volts{phase="L1"}']


@pytest.mark.parametrize("word", [*RegisterType, *Order, *ReadOptions.__struct_fields__, "unit", "example_rate"])
def test_page_explains_every_word(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_own_keys_of_a_metric_are_explained() -> None:
    for key in set(ModbusMetric.__struct_encode_fields__) - {"name", "help", "counter"}:
        assert f"`{key}`" in PAGE, key
