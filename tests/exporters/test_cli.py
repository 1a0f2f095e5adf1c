"""`heronwatch exporter …` as a person runs it: exact texts of faults, exit statuses, the shipped example."""

import argparse
import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from exporters.cli import COMMAND
from exporters.probing.registry import COLLECTORS
from heronwatch.schema import json_schema
from tests.fakes.exporter import run as run_process

ROOT = Path(__file__).parents[2]
BAD = sorted((ROOT / "tests" / "bad_config" / "exporters").glob("*.yml"))
EXAMPLE = ROOT / "docs" / "examples" / "exporters.yml"


def command(*arguments: str) -> int:
    """Run the command in this process."""
    parser = argparse.ArgumentParser()
    COMMAND.add_arguments(parser)
    return COMMAND.run(parser.parse_args(arguments))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_check_tells_every_fault_with_its_remedy(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    assert command("check", "--config.file", path.name) == 1
    assert capsys.readouterr().err == path.with_suffix(".txt").read_text()


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped example with the files and variables that it names."""
    asyncssh = pytest.importorskip("asyncssh")
    monkeypatch.setenv("SNMP_COMMUNITY", "not-public")
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "monitoring").write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    (keys / "known_hosts").write_text("")
    return Path(shutil.copy(EXAMPLE, tmp_path))


def test_shipped_example_is_sound(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("check", "--config.file", str(example)) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "meter-7: modbus 10.0.4.9:502 unit=7: eastron_sdm630 every 15s" in out
    assert "pump-drive" in out
    assert "core (10.0.0.0/16)" in out
    assert "not-public" not in out


def test_check_can_be_read_by_programs(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("check", "--json", "--config.file", str(example)) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [device["name"] for device in summary["devices"]][:2] == ["core-sw1", "ups-1"]
    assert "linux" in summary["modules"]["ssh"]


def test_shipped_example_fits_the_schema_for_editors() -> None:
    from exporters.config import Config

    schema = json_schema(Config)
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(yaml.safe_load(EXAMPLE.read_text()))) == []


def test_schema_knows_the_keys_of_plugins() -> None:
    from exporters.config import Config

    wrong = {"version": 1, "devices": [{"name": "a", "address": "10.0.0.1", "unti": 7}]}
    right = {"version": 1, "devices": [{"name": "a", "address": "10.0.0.1", "unit": 7}], "snmp": {"strict": True}}
    validator = Draft202012Validator(json_schema(Config))
    assert not validator.is_valid(wrong)
    assert validator.is_valid(right)


def test_literal_secret_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "exporters.yml"
    path.write_text("version: 1\ncredentials: {core: {protocol: snmp, community: hunter2}}\n")
    assert command("check", "--config.file", str(path)) == 0
    assert capsys.readouterr().err == (
        f"warning: {path}:2: credentials.core.community: the secret stands in the file as text; "
        "use {env: NAME} or {file: path}\n"
    )


@pytest.mark.parametrize("name", ["serve", "check", "probe", "compare", "simulate", "mib", "pause", "resume"])
def test_help_explains_every_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command(name, "--help")
    assert caught.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_every_option_has_a_help_text() -> None:
    parser = argparse.ArgumentParser()
    COMMAND.add_arguments(parser)
    (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for one in commands.choices.values():
        assert all(action.help for action in one._actions), one.prog


@pytest.mark.parametrize("workers", ["0", "-1", "many", "1000"])
def test_wrong_number_of_workers_is_wrong_usage(workers: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command("serve", f"--workers={workers}")
    assert caught.value.code == 2
    assert "is no number of workers (1 to 256)" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--web.external-url=mon.example", "--web.listen-address=a:b:c:99999"])
def test_wrong_address_is_wrong_usage(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("serve", option) == 2
    assert "heronwatch exporter serve: " in capsys.readouterr().err


def test_every_plugin_can_be_simulated() -> None:
    assert all(COLLECTORS.get(name).simulate is not None for name in COLLECTORS.names())


async def test_probe_shows_a_table_text_and_json(tmp_path: Path) -> None:
    contract = COLLECTORS.get("modbus").contract
    assert contract is not None
    async with contract().device() as device:
        where = f"127.0.0.1:{device.target.port}"
        path = tmp_path / "exporters.yml"
        path.write_text(f'version: 1\ndevices: [{{name: meter, address: "{where}", module: eastron_sdm630}}]\n')
        config = f"--config.file={path}"
        status, out, err = await run_process("probe", "meter", config)
        assert (status, err) == (0, "")
        assert "electrical_voltage_volts" in out
        assert "-- module eastron_sdm630: complete" in out
        status, out, _ = await run_process("probe", "meter", config, "--format=text")
        assert "# TYPE electrical_voltage_volts gauge" in out
        status, out, _ = await run_process("probe", where, "--module=eastron_sdm630", "--format=json", "--param=unit=1")
        answer = json.loads(out)
        assert (answer["success"], answer["address"], answer["faults"]) == (True, "127.0.0.1", [])
        assert {"name", "type", "labels", "value"} == set(answer["samples"][0])


async def test_probe_of_what_does_not_answer_says_why() -> None:
    status, out, _ = await run_process("probe", "127.0.0.1:1", "--module=eastron_sdm630", "--timeout=1")
    assert status == 1
    assert "-- fault: module eastron_sdm630: unreachable: " in out


async def test_probe_sends_no_bound_credential_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "exporters.yml"
    path.write_text(
        "version: 1\ncredentials: {core: {protocol: snmp, networks: [10.0.0.0/8], community: {env: COMMUNITY}}}\n"
    )
    arguments = ("probe", "127.0.0.1:1", "--module=system", "--credential=core", f"--config.file={path}")
    status, _, err = await run_process(*arguments, env={"COMMUNITY": "x"})
    assert status == 1
    assert "credential 'core' is bound to the devices that name it and its networks; it is not sent to 127.0.0.1" in err


async def test_pause_without_a_server_says_so() -> None:
    status, _, err = await run_process("pause", "meter", "--url", "http://127.0.0.1:1")
    assert (status, err.startswith("no server answers at http://127.0.0.1:1: ")) == (1, True)


async def test_third_party_plugin_is_found_by_its_entry_point(tmp_path: Path) -> None:
    distribution = tmp_path / "heronwatch_toy-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: heronwatch-toy\nVersion: 1.0\n")
    (distribution / "entry_points.txt").write_text("[heronwatch.collectors]\ntoy = toy_plugin:PLUGIN\n")
    (tmp_path / "toy_plugin.py").write_text("from tests.fakes.toy import toy_plugin\nPLUGIN = toy_plugin()\n")
    config = tmp_path / "exporters.yml"
    config.write_text("version: 1\ndevices: [{name: t, address: 10.0.0.1, module: plain, unit: 3}]\n")
    paths = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    status, out, err = await run_process("check", f"--config.file={config}", env=paths)
    assert (status, err) == (0, "")
    assert "t: toy 10.0.0.1:7777 unit=3: plain" in out


async def test_broken_third_party_plugin_costs_only_itself(tmp_path: Path) -> None:
    distribution = tmp_path / "heronwatch_toy-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: heronwatch-toy\nVersion: 1.0\n")
    (distribution / "entry_points.txt").write_text("[heronwatch.collectors]\ntoy = toy_plugin:PLUGIN\n")
    (tmp_path / "toy_plugin.py").write_text("import no_such_library\n")
    status, out, err = await run_process("check", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert status == 0
    assert "warning: 'toy' needs no_such_library, which is not installed" in err
    assert "modules of snmp" in out


def test_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    for name in [name for name in sys.modules if name.startswith(("exporters.app", "heronwatch.httpd_aio"))]:
        monkeypatch.delitem(sys.modules, name)
    assert command("serve") == 3
    assert "the Python module 'aiohttp' is missing: pip install 'heronwatch[exporters]'" in capsys.readouterr().err
