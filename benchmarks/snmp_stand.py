"""The stand of the SNMP benchmarks: simulated devices that count, exporters that read them, and the peer."""

import functools
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.newest import NotAvailableError, unpacked
from benchmarks.processes import Watched, answers, free_ports, running
from benchmarks.switch import MODULE, old_form
from exporters.snmp.simulator.agent import Tally

PEER = "prometheus-snmp-exporter"
HERONWATCH = (sys.executable, "-m", "heronwatch")
COUNT_TIMEOUT_S = 10.0
V3 = "bench_v3"
PASSWORDS = ("authenticates-1", "encrypts-1")
V3_ARGUMENTS = (
    "--v3-user", "bench", "--v3-auth", "SHA256", "--v3-auth-password", PASSWORDS[0],
    "--v3-priv", "AES", "--v3-priv-password", PASSWORDS[1],
)  # fmt: skip
_V3_AUTH = (
    "{version: 3, username: bench, security_level: authPriv, auth_protocol: SHA256, "
    f"password: {PASSWORDS[0]}, priv_protocol: AES, priv_password: {PASSWORDS[1]}}}"
)


class Agents:
    """Simulated devices in processes of their own; `targets` is what an exporter is asked for."""

    def __init__(self, watched: Watched, log: Path, targets: Sequence[str], processes: int) -> None:
        self.watched = watched
        self.targets = targets
        self._log = log
        self._processes = processes

    def tally(self) -> Tally:
        """Return what they have counted so far; raises RuntimeError when they do not say."""
        before = len(self._counts())
        self.watched.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + COUNT_TIMEOUT_S
        while len(counts := self._counts()) < before + self._processes:
            if time.monotonic() > deadline:
                raise RuntimeError("the simulated devices do not say what they have counted")
            time.sleep(0.01)
        return sum((msgspec.json.decode(line, type=Tally) for line in counts[before:]), Tally())

    def _counts(self) -> list[str]:
        lines = self._log.read_text().split("\n")[:-1]
        return [line.removeprefix("counts ") for line in lines if line.startswith("counts ")]


@contextmanager
def agents(
    folder: Path, recording: Iterable[str], *arguments: str, targets: int | str = 64, processes: int | None = None
) -> Iterator[Agents]:
    """Start simulated devices that all have the same values: on so many ports, or at a network's every address.

    With `processes` they are a fast target for load.
    """
    port = free_ports(1, socket.SOCK_DGRAM)[0]
    file, log = folder / f"device-{port}.snmprec", folder / f"devices-{port}.log"
    file.write_text("\n".join(recording) + "\n")
    if isinstance(targets, int):
        listens = [f"127.0.0.1:{one}" for one in free_ports(targets, socket.SOCK_DGRAM)]
        where = [argument for listen in listens for argument in ("--listen", listen)]
    else:
        listens = [f"{targets}:{port}"]
        where = ["--network", listens[0]]
    command = [*HERONWATCH, "exporter", "simulate", "snmp", "--recording", str(file), *where, *arguments]
    if processes is not None:
        command += ["--processes", str(processes)]
    with running(command, log=log, ready=lambda: log.read_text().count("listening on") == len(listens)) as watched:
        yield Agents(watched, log, listens, processes or 1)


@dataclass
class Exporter:
    """A running exporter and its name in tables."""

    name: str
    port: int
    watched: Watched

    def path(self, target: str, module: str = "if_mib", auth: str = "") -> str:
        """Return the path of a scrape."""
        return f"/snmp?target={target}&module={module}" + (f"&auth={auth}" if auth else "")


def start_ours(stack: ExitStack, folder: Path, config: Path, *arguments: str, name: str = "heronwatch") -> Exporter:
    """Start our exporter with a module's file."""
    port = free_ports(1)[0]
    command = [
        *HERONWATCH, "exporter", "serve", "--snmp.config-file", str(config), "--log.level", "error",
        "--web.listen-address", f"127.0.0.1:{port}", *arguments,
    ]  # fmt: skip
    ready = functools.partial(answers, port, "/-/ready")
    return Exporter(name, port, stack.enter_context(running(command, log=folder / f"{port}.log", ready=ready)))


def start_peer(stack: ExitStack, folder: Path, config: Path, peer: str) -> Exporter:
    """Start snmp_exporter."""
    port = free_ports(1)[0]
    command = [peer, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    ready = functools.partial(answers, port, "/metrics")
    watched = stack.enter_context(running(command, log=folder / f"{port}.log", ready=ready))
    return Exporter("snmp_exporter", port, watched)


def peer_binary(*, debian: bool = False) -> str:
    """Return where snmp_exporter is: the newest, or Debian's own; raises NotAvailableError."""
    if not debian:
        return str(unpacked(PEER) / "usr" / "bin" / PEER)
    found = shutil.which(PEER)
    if found is None:
        raise NotAvailableError(f"needs {PEER}: apt-get install {PEER}")
    return found


def version(peer: str) -> str:
    """Return the version of a binary of snmp_exporter."""
    shown = subprocess.run([peer, "--version"], capture_output=True, text=True, check=True)
    return (shown.stdout + shown.stderr).split("version ")[1].split()[0]


def config_text(peer_version: str) -> str:
    """Return the shipped if_mib in the form that a version reads, with v2c and v3."""
    module = MODULE.read_text()
    if peer_version >= "0.23":
        return module + f"auths: {{public_v2: {{community: public, version: 2}}, {V3}: {_V3_AUTH}}}\n"
    old = old_form(module)
    secured = old.replace("if_mib:", f"if_mib_{V3}:", 1).partition("  version: 2\n")[0]
    secured = re.sub(r"(?<=: )([&*]\w+)", r"\1_v3", secured)  # an anchor has one place in a file
    auth = _V3_AUTH.replace("version: 3, ", "")
    return f"{old}{secured}  version: 3\n  auth: {auth}\n"
