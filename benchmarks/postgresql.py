"""A PostgreSQL server of Debian's package under measurement: in a folder of its own, on a loopback port, durable."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import Watched, free_ports

VERSIONS = (18, 17, 16, 15, 14)
USER = "postgres"  # of Debian's package: the server refuses root
# a server is sized for its machine; these are not. Durability is left as it comes: fsync, synchronous_commit on.
SETTINGS = {"shared_buffers": "128MB", "max_wal_size": "1GB"}


class Server:
    """A running server: where it listens, and its processes."""

    def __init__(self, port: int, watched: Watched, version: str) -> None:
        self.port = port
        self.watched = watched
        self.version = version

    def block(self) -> str:
        """The webhook's `database` block for it."""
        return f"{{postgresql: {{host: 127.0.0.1, port: {self.port}, database: postgres, user: heronwatch}}}}"

    def url(self) -> str:
        """The same for a client."""
        return f"postgresql://heronwatch@127.0.0.1:{self.port}/postgres"


def programs() -> Path | None:
    """The folder of the newest server installed; None without one."""
    for version in VERSIONS:
        folder = Path(f"/usr/lib/postgresql/{version}/bin")
        if (folder / "postgres").exists():
            return folder
    return None


@contextlib.contextmanager
def postgresql(settings: dict[str, str] | None = None) -> Iterator[Server]:
    """Start a server with one empty database and stop it at the end; RuntimeError when it does not start."""
    bin_ = programs()
    if bin_ is None:
        raise RuntimeError("no PostgreSQL: apt-get install postgresql")
    user = USER if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="heronwatch-pg-") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user, user)
        _run([str(bin_ / "initdb"), "-D", f"{name}/data", "-U", "heronwatch", "-A", "trust", "-E", "UTF8"], user)
        (port,) = free_ports(1)
        chosen = [f"-c{key}={value}" for key, value in {**SETTINGS, **(settings or {})}.items()]
        start = [str(bin_ / "postgres"), "-D", f"{name}/data", "-p", str(port), "-h", "127.0.0.1", "-k", "", *chosen]
        with _running(start, user, port, folder / "data") as watched:
            yield Server(port, watched, _version(bin_))


@contextlib.contextmanager
def _running(command: list[str], user: str | None, port: int, data: Path) -> Iterator[Watched]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=data, user=user, group=user,
                               extra_groups=[] if user else None)  # fmt: skip
    try:
        _await(command[0], port, process)
        yield Watched(process)
    finally:
        process.terminate()  # SIGTERM: waits for clients to go, which they have
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(server: str, port: int, process: "subprocess.Popen[bytes]") -> None:
    ready = [str(Path(server).with_name("pg_isready")), "-h", "127.0.0.1", "-p", str(port), "-t", "1", "-q"]
    for _ in range(300):
        if process.poll() is not None:
            break
        if subprocess.run(ready, check=False, timeout=10).returncode == 0:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    raise RuntimeError("PostgreSQL did not start")


def _run(command: list[str], user: str | None) -> None:
    done = subprocess.run(command, capture_output=True, check=False, timeout=120, cwd="/", user=user, group=user,
                          extra_groups=[] if user else None)  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{command[0]} exited {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")


def _version(bin_: Path) -> str:
    told = subprocess.run([str(bin_ / "postgres"), "--version"], capture_output=True, check=True, timeout=10)
    return told.stdout.decode().split()[2]
