"""docker-compose.yml, checked without an engine: accepted, hardened, and in agreement with everything it mounts."""

import argparse
import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from heronwatch.cli import COMMANDS
from tests.fakes.daemons import find_binary

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROFILES = sorted({profile for service in SERVICES.values() for profile in service.get("profiles", [])})
OURS = {"exporter": 9810, "detector": 9811, "webhook": 9812}
# what differs between the shipped configs, for one host, and those for containers
ADDRESSES = {
    "127.0.0.1:9810": "exporter:9810",
    "127.0.0.1:9811": "detector:9811",
    "127.0.0.1:9812": "webhook:9812",
    "127.0.0.1:9090": "prometheus:9090",
    "127.0.0.1:9093": "alertmanager:9093",
    "/etc/heronwatch/secrets/intake-token": "/run/secrets/intake-token",
    "smtp_smarthost: 127.0.0.1:25": "smtp_smarthost: mail.heronwatch.invalid:587",
}
each_service = pytest.mark.parametrize("name", SERVICES)


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name(program), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)


def mounts(service: dict[str, Any]) -> list[tuple[str, str]]:
    """(source, target) of every bind mount; named volumes are left out."""
    pairs = [volume.split(":")[:2] for volume in service.get("volumes", [])]
    return [(source, target) for source, target in pairs if source.startswith(".")]


def entrypoint(name: str) -> list[str]:
    """The image's own ENTRYPOINT, from the Dockerfile."""
    stage = re.search(
        rf"^FROM \S+ AS {name}\n(.*?)(?=^FROM |\Z)", (ROOT / "Dockerfile").read_text(), re.MULTILINE | re.DOTALL
    )
    assert stage
    return json.loads(re.findall(r"^ENTRYPOINT (.*)$", stage[1], re.MULTILINE)[0])


@pytest.mark.parametrize(
    "profiles", list(chain.from_iterable(combinations(PROFILES, size) for size in range(len(PROFILES) + 1))), ids=str
)
def test_compose_accepts_every_combination_of_profiles(profiles: tuple[str, ...]) -> None:
    flags = [flag for profile in profiles for flag in ("--profile", profile)]
    done = run("docker-compose", "-f", FILE, *flags, "config", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")  # the wheel's wrapper exits 0 even when compose refuses


def test_compose_refuses_a_wrong_key(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(FILE.read_text().replace("  read_only:", "  read_ony:"))
    assert "'read_ony' not allowed" in run("docker-compose", "-f", broken, "config", "--quiet").stderr


def test_compose_lint_finds_nothing(tmp_path: Path) -> None:
    config = ROOT / "deploy/compose/compose-lint.yml"
    elsewhere = tmp_path / FILE.name  # not below /root, where every mounted file counts as sensitive
    elsewhere.write_text(FILE.read_text())
    done = run("compose-lint", "check", "--strict-config", "--fail-on", "low", "--config", config, elsewhere)
    assert done.returncode == 0, done.stdout


@each_service
def test_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


@each_service
def test_image_has_an_exact_tag_and_no_invented_digest(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.search(r":v?\d+\.\d+\.\d+$", image)
    assert "@sha256" not in image


@each_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@each_service
def test_mounted_files_exist_and_are_read_only(name: str) -> None:
    service = SERVICES[name]
    for source, _ in mounts(service):
        assert (ROOT / source).exists(), source
    assert all(volume.endswith(":ro") for volume in service.get("volumes", []) if volume.startswith("."))


@each_service
def test_used_volumes_secrets_and_networks_are_declared(name: str) -> None:
    service = SERVICES[name]
    named = {volume.split(":")[0] for volume in service.get("volumes", []) if not volume.startswith(".")}
    assert named <= set(COMPOSE["volumes"])
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    assert set(service["networks"]) <= set(COMPOSE["networks"])


@pytest.mark.parametrize(("name", "port"), {**OURS, "prometheus": 9090, "alertmanager": 9093, "grafana": 3000}.items())
def test_healthcheck_asks_the_port_that_the_service_listens_on(name: str, port: int) -> None:
    service = SERVICES[name]
    asked = re.findall(r"http://127\.0\.0\.1:(\d+)/", " ".join(service["healthcheck"]["test"]))
    assert asked == [str(port)]
    flags = " ".join(entrypoint(name) if name in OURS else service.get("command", []))
    assert name == "grafana" or f"--web.listen-address=0.0.0.0:{port}" in flags


@pytest.mark.parametrize("name", OURS)
def test_our_cli_takes_every_flag(name: str) -> None:
    (entry,) = entry_points(group=COMMANDS, name=name)
    parser = argparse.ArgumentParser(exit_on_error=False)
    entry.load().add_arguments(parser)
    arguments = [*entrypoint(name)[2:], *SERVICES[name]["command"]]
    assert parser.parse_args(arguments) is not None


def test_our_cli_takes_the_simulators_flags() -> None:
    (entry,) = entry_points(group=COMMANDS, name="exporter")
    parser = argparse.ArgumentParser()
    entry.load().add_arguments(parser)
    simulated = SERVICES["simulated-meter"]
    assert parser.parse_args([*simulated["entrypoint"][2:], *simulated["command"]]) is not None


@pytest.mark.parametrize(
    ("name", "file"), [("exporter", "exporters"), ("detector", "detector"), ("webhook", "webhook")]
)
def test_our_check_accepts_the_mounted_configuration(name: str, file: str, tmp_path: Path) -> None:
    text = (ROOT / f"deploy/compose/{file}.yml").read_text()
    for secret in COMPOSE["secrets"]:
        (tmp_path / secret).write_text("0123456789abcdef0123456789abcdef")
    config = tmp_path / f"{file}.yml"
    config.write_text(text.replace("/run/secrets/", f"{tmp_path}/"))
    done = run("heronwatch", name, "check", f"--config.file={config}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_commented_devices_are_right_too(tmp_path: Path) -> None:
    text = (ROOT / "deploy/compose/exporters.yml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(("# The", "#   docker", "devices:"))]
    config = tmp_path / "exporters.yml"
    (tmp_path / "snmp-community").write_text("not-public")
    uncommented = "\n".join(re.sub(r"^# ?", "", line) for line in lines)
    config.write_text(uncommented.replace("/run/secrets/", f"{tmp_path}/"))
    done = run("heronwatch", "exporter", "check", f"--config.file={config}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", OURS)
def test_configuration_is_mounted_where_the_command_reads_it(name: str) -> None:
    wanted = [flag.partition("=")[2] for flag in SERVICES[name]["command"] if flag.startswith("--config.file=")]
    assert wanted == [target for _, target in mounts(SERVICES[name])]


@pytest.mark.parametrize("name", ["detector", "webhook"])
def test_state_is_kept_in_a_volume(name: str) -> None:
    volumes = {volume.split(":")[1] for volume in SERVICES[name]["volumes"] if not volume.startswith(".")}
    named = re.findall(r"/var/lib/[\w-]+", (ROOT / f"deploy/compose/{name}.yml").read_text())
    assert set(named) == volumes


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_config_is_the_shipped_one_with_the_containers_addresses(name: str) -> None:
    shipped = (ROOT / name / f"{name}.yml").read_text()
    for on_host, in_container in ADDRESSES.items():
        shipped = shipped.replace(on_host, in_container)
    assert (ROOT / f"deploy/compose/{name}.yml").read_text() == shipped


def test_promtool_and_amtool_accept_the_mounted_configs(tmp_path: Path) -> None:
    for folder in ("rules", "templates"):
        source = ROOT / ("prometheus" if folder == "rules" else "alertmanager") / folder
        (tmp_path / folder).symlink_to(source)
    for name in ("prometheus", "alertmanager"):
        (tmp_path / f"{name}.yml").write_text((ROOT / f"deploy/compose/{name}.yml").read_text())
    checks = [
        [find_binary("promtool", "prometheus"), "check", "config", "--syntax-only", str(tmp_path / "prometheus.yml")],
        [find_binary("amtool", "prometheus-alertmanager"), "check-config", str(tmp_path / "alertmanager.yml")],
    ]
    for command in checks:
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_is_told_every_variable_that_its_provisioning_reads() -> None:
    files = (ROOT / "grafana/provisioning").rglob("*.yml")
    read = {name for path in files for name in re.findall(r"\$\{(\w+)\}", path.read_text())}
    assert read
    assert read <= set(SERVICES["grafana"]["environment"])


def test_grafana_starts_with_a_dashboard_that_exists() -> None:
    path = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "grafana/dashboards" / path.removeprefix("/dashboards/")).is_file()


def test_secrets_are_files_that_the_script_makes_and_git_never_sees(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets"
    script.write_text((ROOT / "deploy/compose/make-secrets").read_text())
    (tmp_path / "secrets").mkdir()
    subprocess.run(["/bin/sh", str(script)], check=True, capture_output=True, timeout=50)
    made = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    declared = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert set(made) == declared
    assert len(made["intake-token"].read_text()) == 64
    first = made["intake-token"].read_text()
    subprocess.run(["/bin/sh", str(script)], check=True, capture_output=True, timeout=50)
    assert made["intake-token"].read_text() == first, "a second run changes nothing"
    ignored = (ROOT / "deploy/compose/secrets/.gitignore").read_text().splitlines()
    assert "*" in ignored


def test_no_secret_stands_in_the_environment() -> None:
    for service in SERVICES.values():
        for name in service.get("environment", {}):
            assert name.endswith("__FILE") or not re.search("PASSWORD|TOKEN|SECRET|KEY", name)
