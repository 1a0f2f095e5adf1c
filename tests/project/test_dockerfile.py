"""The Dockerfile, checked without an engine: lint, and agreement with the services' own defaults."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
SERVICES = {"exporter": 9810, "detector": 9811, "webhook": 9812}
each_service = pytest.mark.parametrize(("service", "port"), SERVICES.items())


def stage(name: str) -> str:
    """The text of one build stage, its continued lines joined."""
    found = re.search(rf"^FROM \S+ AS {name}\n(.*?)(?=^FROM |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"no stage {name}"
    return found[1].replace("\\\n", " ")


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout


def test_every_image_comes_from_an_exact_tag_or_an_earlier_stage() -> None:
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", TEXT, re.MULTILINE)
    names = [name for _, name in stages]
    for number, (image, _) in enumerate(stages):
        assert image in names[:number] or re.search(r":v?\d+\.\d+\.\d+", image), image
    assert len({image for image, _ in stages if image.startswith("python:")}) == 1, (
        "one Python for building and running"
    )


def test_uv_is_the_locked_version() -> None:
    locked = re.search(r"^uv==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked
    assert f"astral-sh/uv:{locked[1]} " in TEXT


@each_service
def test_final_stage(service: str, port: int) -> None:
    text = stage(service)
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE), "a numeric user, never root"
    assert str(port) in re.findall(r"^EXPOSE (.*)$", text, re.MULTILINE)[0].split()
    assert f"127.0.0.1:{port}/-/healthy" in text
    entry = json.loads(re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[0])
    assert entry[:2] == ["heronwatch", service]
    assert f"--web.listen-address=0.0.0.0:{port}" in entry
    assert "--web.insecure" not in text, "an image must not decide that its network is safe"


@each_service
def test_extras_exist_and_are_locked(service: str, port: int) -> None:
    wanted = re.search(r"heronwatch\[([\w,]+)\] @ file://", stage(f"{service}-venv"))
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert wanted
    assert set(wanted[1].split(",")) <= set(declared)
    assert "--constraint requirements.lock" in stage(f"{service}-venv")


def test_the_builder_sees_every_package_of_the_wheel() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for package in build["packages"]:
        assert f"COPY {package} {package}" in TEXT
        assert package in allowed
    copied = re.findall(r"^COPY ((?!--)[^\n]+) \./$", TEXT, re.MULTILINE)[0].split()
    assert set(copied) <= allowed
    assert all((ROOT / name).exists() for name in allowed)


def test_no_secret_is_built_in() -> None:
    assert not re.search(r"^(ARG|ENV) .*(TOKEN|PASSWORD|SECRET|KEY)", TEXT, re.MULTILINE)
