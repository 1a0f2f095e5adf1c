"""What this machine has of the parts Heronwatch works with, what is missing, and how to get it."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path
from typing import Any

import msgspec

SEARCH_FOLDERS = (
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/opt/homebrew/bin",
    "/usr/share/grafana/bin",
)
VERSION = re.compile(r"(?:^|[\s_v])(\d+\.\d+(?:\.\d+)?)")
VERSION_TIMEOUT_S = 10


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A program that Heronwatch works with.

    `names` are the commands it goes by, `get` says how to install it, `limits` maps a version prefix to what is known
    of it (reference: measured on that version).
    """

    what: str
    names: tuple[str, ...]
    get: str
    why: str
    essential: bool = False
    version_flag: str = "--version"
    limits: Mapping[str, str] = {}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the doctor's report. `state` is ok, limited, missing."""

    what: str
    state: str
    version: str = ""
    note: str = ""
    essential: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain values for JSON."""
        return msgspec.structs.asdict(self)


FUTURE_SAMPLE = "one remote-written sample from the future stops all ingestion until the clock reaches it"
PARTS = (
    Part(
        what="Prometheus",
        names=("prometheus",),
        get="apt-get install --no-install-recommends prometheus, or prometheus.io/download",
        why="stores the series and evaluates the rules",
        essential=True,
        limits={"2.42": FUTURE_SAMPLE + "; the detector never writes one, other writers might"},
    ),
    Part(
        what="promtool",
        names=("promtool",),
        get="comes with Prometheus",
        why="checks rules and configs, fills in the demo's history",
        essential=True,
    ),
    Part(
        what="Alertmanager",
        names=("prometheus-alertmanager", "alertmanager"),
        get="apt-get install --no-install-recommends prometheus-alertmanager, or prometheus.io/download",
        why="groups and routes alerts to the webhook",
        essential=True,
        limits={"0.25": "Debian's build has no web page; use amtool or karma to look at silences"},
    ),
    Part(
        what="Grafana",
        names=("grafana-server", "grafana"),
        get="docker compose up grafana, or grafana.com/grafana/download",
        why="shows the dashboards in grafana/dashboards",
    ),
    Part(
        what="net-snmp's snmpd",
        names=("snmpd",),
        get="apt-get install --no-install-recommends snmpd",
        why="a real SNMP device for the demo and the tests",
        version_flag="-v",
    ),
    Part(
        what="OpenSSH's sshd",
        names=("sshd",),
        get="apt-get install --no-install-recommends openssh-server",
        why="a real SSH device for the tests",
        version_flag="-V",
    ),
    Part(
        what="PostgreSQL",
        names=("postgres", "psql"),
        get="apt-get install --no-install-recommends postgresql",
        why="the webhook's database when there are several replicas",
    ),
)


def examine(
    parts: Iterable[Part] = PARTS,
    *,
    find: Callable[[str], str | None] | None = None,
    ask: Callable[[str, str], str] | None = None,
) -> list[Finding]:
    """Return a finding for each program and each extra of this package."""
    find = find or find_program
    ask = ask or _ask_version
    return [*(_program(part, find, ask) for part in parts), *(_extra(name) for name in _extras())]


def missing_essentials(findings: Iterable[Finding]) -> list[str]:
    """Return the names of the parts without which the main job cannot run."""
    return [finding.what for finding in findings if finding.essential and finding.state == "missing"]


def report(findings: Iterable[Finding]) -> str:
    """Render findings as a table for a terminal, the missing parts' remedies under it."""
    rows = list(findings)
    width = max((len(row.what) for row in rows), default=0)
    sign = {"ok": "ok     ", "limited": "limited", "missing": "MISSING"}
    lines = [f"{sign[row.state]}  {row.what:<{width}}  {row.version:<10}  {row.note}".rstrip() for row in rows]
    lacking = missing_essentials(rows)
    lines.append("")
    lines.append(
        f"The main job needs: {', '.join(lacking)}." if lacking else "All that the main job needs is here: make demo"
    )
    return "\n".join(lines)


def find_program(name: str) -> str | None:
    """Return the path of a program on PATH or in the folders where packages put daemons."""
    found = shutil.which(name)
    if found:
        return found
    beside = (Path(folder) / name for folder in (*SEARCH_FOLDERS, *_postgres_folders()))
    return next((str(path) for path in beside if path.is_file()), None)


def _postgres_folders() -> list[str]:
    return sorted((str(path) for path in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)


def _program(part: Part, find: Callable[[str], str | None], ask: Callable[[str, str], str]) -> Finding:
    path = next((path for path in map(find, part.names) if path), None)
    if path is None:
        return Finding(what=part.what, state="missing", note=f"{part.why}. {part.get}", essential=part.essential)
    found = VERSION.search(ask(path, part.version_flag))
    number = found.group(1) if found else ""
    limit = next((text for prefix, text in part.limits.items() if number.startswith(prefix)), "")
    return Finding(
        what=part.what,
        state="limited" if limit else "ok",
        version=number,
        note=limit,
        essential=part.essential,
    )


def _ask_version(path: str, flag: str) -> str:
    try:
        run = subprocess.run([path, flag], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout + run.stderr


def _extras() -> list[str]:
    names: list[str] = distribution("heronwatch").metadata.get_all("Provides-Extra") or []
    return [name for name in names if name not in {"all", "dev"}]


def _extra(name: str) -> Finding:
    wanted = [line for line in requires("heronwatch") or [] if re.search(rf"""extra == ['"]{name}['"]""", line)]
    lacking = [package for package in map(_package_name, wanted) if not _is_installed(package)]
    what = f"extra [{name}]"
    if lacking:
        return Finding(what=what, state="missing", note=f"{', '.join(lacking)}: pip install 'heronwatch[{name}]'")
    return Finding(what=what, state="ok", version=version("heronwatch"))


def _package_name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return found.group(0) if found else requirement


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
