"""The systemd units: accepted by systemd, hardened, and starting commands that exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.daemons import find_binary, snmpd

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
WORST_EXPOSURE = 2.0  # of 10, by `systemd-analyze security`
WANTED = {
    "CapabilityBoundingSet": "",
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "ProtectHome": "yes",
    "ProtectSystem": "strict",
    "RestrictNamespaces": "yes",
    "SystemCallArchitectures": "native",
}
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


def settings(unit: Path) -> dict[str, str]:
    """The last value of each key of a unit."""
    return dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE))


def state_folders(unit: Path) -> set[str]:
    """What of /var/lib a unit may write; everything else is read-only to it."""
    assert WANTED["ProtectSystem"] == "strict"
    return {f"/var/lib/{name}" for name in settings(unit).get("StateDirectory", "").split()}


@each_unit
def test_the_example_configuration_keeps_its_state_where_the_unit_may_write(unit: Path) -> None:
    (config,) = re.findall(r"^ExecStart=.* --config\.file=/etc/heronwatch/(\S+)", unit.read_text(), re.MULTILINE)
    named = set(re.findall(r"/var/lib/[\w-]+", (ROOT / "docs/examples" / config).read_text()))
    assert named == state_folders(unit)


def test_the_documentation_names_no_other_folder_for_state() -> None:
    known = {folder for unit in UNITS for folder in state_folders(unit)}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {name for page in pages for name in re.findall(r"/var/lib/heronwatch[\w-]*", page.read_text())}
    assert named == known


@each_unit
def test_unit_gives_nothing_away(unit: Path) -> None:
    found = settings(unit)
    assert {key: found.get(key) for key in WANTED} == WANTED
    assert set(found["RestrictAddressFamilies"].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
    assert found["SystemCallFilter"].startswith("~@privileged")
    assert found["LoadCredential"].startswith("secrets:")
    assert found["MemoryMax"]


def test_snmp_is_polled_without_any_capability(tmp_path: Path) -> None:
    drop = [find_binary("setpriv", "util-linux"), "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    probe = [sys.executable, "-m", "heronwatch", "exporter", "probe"]
    with snmpd(tmp_path) as agent:
        command = [*(drop if os.geteuid() == 0 else []), *probe, f"127.0.0.1:{agent.port}", "--module", "system"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sysUpTime" in done.stdout
