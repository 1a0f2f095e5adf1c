"""Each extra installs alone into an empty environment, and its command starts there."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
START = {
    "exporters": ["exporter", "--help"],
    "snmp": ["exporter", "simulate", "snmp", "--help"],
    "mib": ["exporter", "mib", "compile", "--help"],
    "ssh": ["exporter", "simulate", "ssh", "--help"],
    "modbus": ["exporter", "simulate", "modbus", "--help"],
    "detector": ["detector", "serve", "--help"],
    "webhook": ["webhook", "all", "--help"],
}
STRANGERS = {
    "exporters": {"numpy", "flask", "sqlalchemy", "asyncssh", "pymodbus"},
    "snmp": {"numpy", "flask", "sqlalchemy", "asyncssh", "pymodbus", "pysmi"},
    "mib": {"numpy", "flask", "sqlalchemy", "asyncssh", "pymodbus"},
    "ssh": {"numpy", "flask", "sqlalchemy", "pymodbus"},
    "modbus": {"numpy", "flask", "sqlalchemy", "asyncssh"},
    "detector": {"aiohttp", "flask", "sqlalchemy", "asyncssh", "pymodbus"},
    "webhook": {"aiohttp", "numpy", "asyncssh", "pymodbus"},
}
IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
skipped = []
for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    try:
        importlib.import_module(info.name)
    except ModuleNotFoundError as exc:
        skipped.append(f"{info.name}: {exc.name}")
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", out, ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture
def environment(wheel: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An environment that holds the wheel, one extra at the locked versions, and nothing else."""
    home = tmp_path / "venv"
    run(UV, "venv", "--python", sys.executable, home)
    locked = tmp_path / "locked.txt"
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked.write_text("\n".join(line.removesuffix(" \\") for line in lines if line[:1].isalnum()))
    run(
        UV,
        "pip",
        "install",
        "--python",
        home / "bin/python",
        "-c",
        locked,
        f"heronwatch[{request.param}] @ {wheel.as_uri()}",
    )
    return home


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("environment", "extra"), [(extra, extra) for extra in START], indirect=["environment"])
def test_extra_installs_alone_and_its_command_starts(environment: Path, extra: str, tmp_path: Path) -> None:
    started = subprocess.run(
        [environment / "bin/heronwatch", *START[extra]],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},  # no HOME: as in a container
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    assert "usage: heronwatch" in started.stdout
    assert not STRANGERS[extra] & installed(environment)


def test_ground_alone_says_which_extra_is_missing(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    run(UV, "venv", "--python", sys.executable, home)
    run(UV, "pip", "install", "--python", home / "bin/python", wheel)
    doctor = subprocess.run([home / "bin/heronwatch", "doctor"], capture_output=True, text=True, check=False)
    assert "pip install 'heronwatch[webhook]'" in doctor.stdout


@pytest.mark.parametrize(("package", "strangers"), [("exporters", {"numpy"}), ("anomaly_detector", {"aiohttp"})])
def test_importing_a_whole_service_pulls_in_no_stranger(package: str, strangers: set[str]) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, package], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert package in loaded
    assert not strangers & set(loaded)


def installed(home: Path) -> set[str]:
    listing = run(UV, "pip", "list", "--python", home / "bin/python", "--format", "freeze")
    return {line.partition("==")[0].lower() for line in listing.splitlines()}


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
