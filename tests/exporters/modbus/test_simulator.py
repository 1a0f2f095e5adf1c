"""The simulator as a program: its values over time, its live file, and its way to stop."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from exporters.modbus import PLUGIN
from exporters.modbus.catalogue import builtin_modules
from exporters.modbus.decode import samples_of
from exporters.modbus.likeness import COUNTED_FROM, UnknownTrackError, check_names, image_at
from exporters.modbus.module import Field
from exporters.modbus.simulator import SimulatedModbus
from exporters.probing.tracks import Track

FIELDS: tuple[Field, ...] = builtin_modules()["eastron_sdm630"].plan.fields
START = """
import argparse, sys
from exporters.modbus import PLUGIN
parser = argparse.ArgumentParser()
PLUGIN.simulate.add_arguments(parser)
sys.exit(PLUGIN.simulate.run(parser.parse_args(sys.argv[1:])))
"""


def volts(tracks: dict[str, Track], now: float) -> float:
    """What a client reads as the voltage of L1: registers 0 and 1 as a float."""
    words = [word for place, word in sorted(image_at(FIELDS, tracks, now).words.items()) if place.address < 2]
    return float(ModbusTcpClient.convert_from_registers(words, ModbusTcpClient.DATATYPE.FLOAT32))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ['electrical_voltage_volts{phase="L1"}', "electrical_voltage_volts", "input:0"])
def test_value_follows_the_track_of_its_name(name: str) -> None:
    tracks = {name: Track(((100.0, 200.0), (200.0, 240.0)))}
    assert [volts(tracks, now) for now in (0, 150, 300)] == pytest.approx([200, 220, 240])


def test_without_a_track_counters_grow_and_gauges_swing() -> None:
    def at(now: float) -> dict[str, float]:
        words = {place.address: word for place, word in image_at(FIELDS, {}, now).words.items()}
        plan = builtin_modules()["eastron_sdm630"].plan
        return {
            f"{family.name}{labels}": value
            for block in plan.blocks
            for family, labels, value in samples_of(
                block, [words[block.address + i] for i in range(block.count)], plan.fields
            )
        }

    before, after = at(COUNTED_FROM), at(COUNTED_FROM + 100_000)
    energy = 'electrical_energy_joules_total{direction="import"}'
    assert after[energy] - before[energy] == pytest.approx(538_600_000, rel=0.01)
    assert after['electrical_energy_joules_total{direction="export"}'] == 360_000_000
    assert all(abs(after[name] - value) <= 0.021 * abs(value) for name, value in before.items() if name != energy)


def test_unknown_name_in_a_live_file_is_refused() -> None:
    with pytest.raises(UnknownTrackError, match=r"nothing in the module is called 'volts'; known are electrical_"):
        check_names(FIELDS, {"volts": Track(((0.0, 1.0),))})


def test_live_file_is_read_again_when_it_changes_and_kept_when_it_breaks(tmp_path: Path) -> None:
    live = tmp_path / "live.json"
    device = SimulatedModbus(builtin_modules()["eastron_sdm630"], live=live, now=lambda: 0.0)

    def shown(text: str, version: int) -> float:
        live.write_text(text)
        os.utime(live, ns=(version, version))
        image = device.server._images(1)
        assert image is not None
        words = [word for place, word in sorted(image.words.items()) if place.address < 2]
        return float(ModbusTcpClient.convert_from_registers(words, ModbusTcpClient.DATATYPE.FLOAT32))  # type: ignore[arg-type]

    at = '{"electrical_voltage_volts": {"points": [[0, %d]]}}'
    assert shown(at % 210, 1) == 210
    assert shown(at % 211, 2) == 211
    assert shown("{", 3) == 211
    assert shown(at % 212, 4) == 212


def test_simulate_command_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    live = tmp_path / "live.json"
    live.write_text(json.dumps({"electrical_frequency_hertz": {"points": [[0, 49.9]]}}))
    command = [
        sys.executable,
        "-c",
        START,
        "--module",
        "eastron_sdm630",
        "--listen",
        "127.0.0.1:0",
        "--live",
        str(live),
        "--unit",
        "7",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("listening on 127.0.0.1:")
        client = ModbusTcpClient("127.0.0.1", port=int(said.rpartition(":")[2]))
        client.connect()
        registers = client.read_input_registers(70, count=2, device_id=7).registers
        absent = client.read_input_registers(70, count=2, device_id=8)
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert ModbusTcpClient.convert_from_registers(registers, ModbusTcpClient.DATATYPE.FLOAT32) == pytest.approx(49.9)
    assert absent.exception_code == 11


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--module", "nosuch"], "'nosuch' is not a module (known: 'eastron_sdm630')"),
        (["--module", "eastron_sdm630", "--listen", "127.0.0.1:x"], "cannot listen on 127.0.0.1:x"),
    ],
)
def test_simulate_command_refuses_with_a_reason(arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, *arguments], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 1
    assert message in done.stderr


def test_plugin_is_built_without_its_library() -> None:
    """`exporters.modbus` alone must not import pymodbus: other services list plug-ins without it."""
    code = (
        "import argparse, sys, exporters.modbus\n"
        "exporters.modbus.PLUGIN.simulate.add_arguments(argparse.ArgumentParser())\n"
        "sys.exit('pymodbus' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=50).returncode == 0
    assert PLUGIN.protocol == "modbus"
