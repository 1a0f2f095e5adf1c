"""The newest peers: packages of Debian unstable, downloaded by apt with lists of their own and unpacked beside.

Nothing is installed and the machine's own lists stay as they are. The mirror is the one that apt is configured with.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

KEPT = Path(tempfile.gettempdir()) / "heronwatch-newest"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_MIRROR = re.compile(r"https?://\S+/debian/?(?=\s|$)", re.MULTILINE)


class NotAvailableError(RuntimeError):
    """A package cannot be had: no apt, no Debian mirror, or no network."""


def unpacked(package: str) -> Path:
    """Return the folder into which a package of unstable was unpacked; raises NotAvailableError.

    It is kept for the next call. An executable is at `usr/bin/NAME` below.
    """
    folder = KEPT / package
    if not (folder / "usr").is_dir():
        archive = _downloaded(package)
        _run(["dpkg", "-x", str(archive), str(folder)])
    return folder


def _downloaded(package: str) -> Path:
    apt = KEPT / "apt"
    for part in ("lists/partial", "cache/archives/partial", "archives"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    (apt / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_mirror()} sid main\n")
    options = [
        *("-o", f"Dir::Etc::sourcelist={apt / 'sources.list'}", "-o", "Dir::Etc::sourceparts=/dev/null"),
        *("-o", f"Dir::State::lists={apt / 'lists'}", "-o", f"Dir::Cache={apt / 'cache'}"),
        *("-o", "APT::Sandbox::User=root"),
    ]
    _run(["apt-get", *options, "update"])
    _run(["apt-get", *options, "download", package], folder=apt / "archives")
    return max((apt / "archives").glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)


def _mirror() -> str:
    """Return the address of the Debian mirror in the machine's own apt configuration."""
    folder = Path("/etc/apt")
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))]:
        text = path.read_text(errors="replace") if path.is_file() else ""
        for line in text.splitlines():
            found = None if line.lstrip().startswith("#") else _MIRROR.search(line)
            if found:
                return found[0]
    raise NotAvailableError("no Debian mirror in /etc/apt")


def _run(command: Sequence[str], folder: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=300)
    except FileNotFoundError as error:
        raise NotAvailableError(f"needs {command[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise NotAvailableError(f"{command[0]} took more than 5 minutes") from error
    except subprocess.CalledProcessError as error:
        raise NotAvailableError(f"{' '.join(command)}: {error.stderr.strip()[-300:]}") from error
