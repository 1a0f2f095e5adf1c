"""Fetch the newest Prometheus, Alertmanager, VictoriaMetrics and snmp_exporter that Debian unstable carries.

Their packages need libc alone, so they run on Debian 12 as they are: downloaded by apt with a list and state folder
of its own (the machine's lists stay as they are), unpacked with `dpkg -x` into a cache folder, installed nowhere.
The mirror is taken from the machine's own apt configuration.

    python scripts/newest_peers.py              # fetch all, print name, version and folder
"""

import os
import re
import subprocess
import sys
from pathlib import Path

PACKAGES = ("prometheus", "prometheus-alertmanager", "victoria-metrics", "prometheus-snmp-exporter")
SUITE = "unstable"
FETCH_TIMEOUT_S = 600


class NoNewestError(Exception):
    """The newest peers cannot be had here; the message says why."""


def cache_folder() -> Path:
    """Return where the packages are unpacked: `$XDG_CACHE_HOME/heronwatch/newest`."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "heronwatch" / "newest"


def fetch(package: str, *, folder: Path | None = None) -> Path:
    """Return the root of an unpacked package (`ROOT/usr/bin/…`), fetching it the first time.

    Raises NoNewestError without apt, without a mirror, or when the download fails.
    """
    root = (folder or cache_folder()) / package
    if (root / ".complete").is_file():
        return root
    apt = _apt_options(root.parent / "apt")
    _run("apt-get", *apt, "update")
    root.mkdir(parents=True, exist_ok=True)
    _run("apt-get", *apt, "download", f"{package}/{SUITE}", cwd=root)
    (archive,) = root.glob("*.deb")
    _run("dpkg", "-x", archive.name, ".", cwd=root)
    archive.rename(root / ".complete")
    return root


def version(package: str, *, folder: Path | None = None) -> str:
    """Return the upstream version of a fetched package."""
    info = _run("dpkg", "-f", str(fetch(package, folder=folder) / ".complete"), "Version")
    return re.sub(r"^\d+:|[+-].*$", "", info.strip())


def _apt_options(state: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    sources = state / "sources.list"
    sources.write_text(f"deb [signed-by={_keyring()}] {_mirror()} {SUITE} main\n")
    options = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/nonexistent",
        "Dir::State::Lists": state / "lists",
        "Dir::State::Status": "/dev/null",
        "Dir::Cache": state / "cache",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
    }
    return [part for key, value in options.items() if str(value) for part in ("-o", f"{key}={value}")] + ["-qq"]


def _mirror() -> str:
    texts = [path.read_text() for path in Path("/etc/apt").glob("sources.list.d/*.sources")]
    texts += [path.read_text() for path in Path("/etc/apt").glob("sources.list*") if path.is_file()]
    for text in texts:
        found = re.search(r"^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(https?://\S+)", text, re.MULTILINE)
        if found and "security" not in found.group(1):
            return found.group(1)
    raise NoNewestError("no Debian mirror in /etc/apt: the newest peers come from Debian unstable")


def _keyring() -> str:
    path = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    if not path.is_file():
        raise NoNewestError("no Debian archive keyring here: the newest peers come from Debian unstable")
    return str(path)


def _run(*command: str, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise NoNewestError(f"{command[0]}: {exc}") from exc
    if done.returncode != 0:
        raise NoNewestError(f"{' '.join(command[:1])} failed: {done.stderr.strip()[-300:]}")
    return done.stdout


def main() -> int:
    """Fetch every package and print where it is."""
    try:
        for package in PACKAGES:
            print(f"{package:<28} {version(package):<12} {fetch(package)}")
    except NoNewestError as exc:
        print(exc, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
