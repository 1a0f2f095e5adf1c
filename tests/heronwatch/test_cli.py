"""`heronwatch`: finds its sub-commands, and says what is missing."""

import json
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from heronwatch import cli


def test_without_a_command_it_shows_its_help_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert {"exporter", "detector", "webhook", "doctor", "schema"} <= set(capsys.readouterr().out.split())


def test_unknown_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", "--jsno"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --jsno" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["ghost"], ["ghost", "--help"], ["ghost", "serve", "--config.file", "x.yml"]])
def test_service_whose_library_is_missing_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    ghost = EntryPoint(name="ghost", value="no_such_library.cli:COMMAND", group=cli.COMMANDS)
    monkeypatch.setattr(cli, "entry_points", lambda group: [ghost] if group == cli.COMMANDS else [])
    assert cli.main(arguments) == 3
    told = capsys.readouterr().err
    assert "the Python module 'no_such_library' is missing" in told
    assert "pip install 'heronwatch[all]'" in told


@pytest.mark.parametrize("name", ["exporters", "detector", "webhook"])
def test_schema_is_json_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", name]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize("arguments", [["schema", "exporters"], ["exporter", "check"], ["--help"]])
@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_reader_who_leaves_early_is_no_fault(arguments: list[str], buffered: str) -> None:
    command = [sys.executable, "-m", "heronwatch", *arguments]
    with subprocess.Popen(
        command, env={"PYTHONUNBUFFERED": buffered}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # before anything was written: the process is still importing
        told = process.stderr.read()
    assert (process.returncode, told) == (0, b"")
