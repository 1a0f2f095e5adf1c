"""The house's import rules (DESIGN, "Layout"), read from the sources."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("exporters", "anomaly_detector", "alert_webhook")
PACKAGES = ("heronwatch", *SERVICES)
NAMELESS = {"utils", "helpers", "common", "misc", "manager", "core", "base"}

# library -> the only files that may import it (folders end with "/")
CONFINED = {
    "asyncssh": ("exporters/ssh/session.py", "exporters/ssh/keys.py", "exporters/ssh/simulator.py"),
    "pymodbus": ("exporters/modbus/session.py",),
    "pysnmp": ("exporters/snmp/traps.py",),
    "pysmi": ("exporters/snmp/mib/parsing.py",),
    "sqlalchemy": ("alert_webhook/store/",),
    "alembic": ("alert_webhook/store/",),
    "psycopg": ("alert_webhook/store/",),
    "sqlite3": ("alert_webhook/store/",),
    "smtplib": ("alert_webhook/delivery/channels/smtp.py",),
    "cramjam": ("anomaly_detector/sink/",),
    "cheroot": ("heronwatch/",),
    "aiohttp": ("heronwatch/", "exporters/probing/"),
}
FORBIDDEN = {
    "exporters": {"numpy", "flask", "sqlalchemy"},
    "anomaly_detector": {"aiohttp", "flask", "sqlalchemy"},
}


def modules() -> Iterator[tuple[str, str]]:
    """Yield (file, imported dotted name) for every import in the packages."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            file = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    yield from ((file, alias.name) for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    assert not node.level, f"{file}:{node.lineno}: a relative import"
                    yield file, node.module or ""


@cache
def imports() -> list[tuple[str, str]]:
    """What `modules` yields; read once, when the first test asks."""
    return list(modules())


def test_ground_imports_no_service() -> None:
    assert not [
        f"{file}: {name}" for file, name in imports() if file.startswith("heronwatch/") and _root(name) in SERVICES
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_services_never_import_one_another(service: str) -> None:
    others = set(SERVICES) - {service}
    assert not [
        f"{file}: {name}" for file, name in imports() if file.startswith(f"{service}/") and _root(name) in others
    ]


@pytest.mark.parametrize("library", CONFINED)
def test_library_stays_in_its_files(library: str) -> None:
    strays = [file for file, name in imports() if _root(name) == library and not file.startswith(CONFINED[library])]
    assert not strays


@pytest.mark.parametrize("service", FORBIDDEN)
def test_service_leaves_out_what_is_not_its_own(service: str) -> None:
    strays = [
        f"{file}: {name}"
        for file, name in imports()
        if file.startswith(f"{service}/") and _root(name) in FORBIDDEN[service]
    ]
    assert not strays


def test_plugins_never_import_one_another() -> None:
    plugin_homes = ("exporters.snmp", "exporters.ssh", "exporters.modbus")
    strays = []
    for file, name in imports():
        home = ".".join(file.split("/")[:2])
        if home in plugin_homes and any(name.startswith(other) for other in plugin_homes if other != home):
            strays.append(f"{file}: {name}")
        if file.startswith(("alert_webhook/delivery/channels/", "anomaly_detector/models/")):
            folder = file.rsplit("/", 1)[0].replace("/", ".")
            seam = {f"{folder}.model", f"{folder}.registry"}
            if name.startswith(f"{folder}.") and name not in seam and not file.endswith("registry.py"):
                strays.append(f"{file}: {name}")
    assert not strays


def test_nobody_outside_a_plugin_names_it() -> None:
    """No `exporters.snmp` import outside exporters/snmp/: the registry finds plug-ins by a literal."""
    for package in ("exporters.snmp", "exporters.ssh", "exporters.modbus"):
        home = package.replace(".", "/") + "/"
        strays = [file for file, name in imports() if name.startswith(package) and not file.startswith(home)]
        assert not strays, package


def test_demo_imports_no_service() -> None:
    for path in sorted((ROOT / "demo").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if _root(name) in SERVICES], path.name


def test_names_say_something() -> None:
    assert not [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.stem in NAMELESS]


def test_imported_third_parties_are_declared() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text().lower()
    known = {
        "prometheus_client": "prometheus-client",
        "yaml": "pyyaml",
        "argon2": "argon2-cffi",
        "google": "protobuf",
        "sklearn": "scikit-learn",
        "werkzeug": "flask",  # a part of it
        "urllib3": "requests",  # a part of it
        "markupsafe": "jinja2",  # a part of it
    }
    for file, name in imports():
        root = _root(name)
        if root in sys.stdlib_module_names or root in PACKAGES:
            continue
        assert f'"{known.get(root, root)}' in pyproject, f"{file} imports {root}"


def _root(name: str) -> str:
    return name.partition(".")[0]
