"""The systemd units: accepted by systemd, hardened, and starting commands that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.fakes.daemons import find_binary

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
WORST_EXPOSURE = 2.0  # of 10, by `systemd-analyze security`
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [find_binary("systemd-analyze", "systemd"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def test_there_is_a_unit_for_every_service() -> None:
    assert {unit.stem for unit in UNITS} == {"heronwatch-exporter", "heronwatch-detector", "heronwatch-webhook"}


@each_unit
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    installed = tmp_path / unit.name
    installed.write_text(re.sub(r"/opt/heronwatch/bin/heronwatch", "/bin/true", unit.read_text()))
    done = analyze("verify", "--man=no", str(installed))
    about_us = [line for line in done.stderr.splitlines() if unit.stem in line]
    assert not about_us


@each_unit
def test_unit_is_hardened(unit: Path) -> None:
    done = analyze("security", "--offline=true", "--no-pager", str(unit))
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure, done.stderr
    assert float(exposure[1]) <= WORST_EXPOSURE


@each_unit
def test_unit_checks_the_configuration_before_it_starts(unit: Path) -> None:
    service = unit.stem.removeprefix("heronwatch-")
    text = unit.read_text()
    checked = re.search(rf"^ExecStartPre=\S+ {service} check --config.file=(\S+)$", text, re.MULTILINE)
    started = re.search(rf"^ExecStart=\S+ {service} (?:serve|all) --config.file=(\S+) \$ARGS$", text, re.MULTILINE)
    assert checked
    assert started
    assert checked[1] == started[1]
