"""A child process of a test: started in a folder, awaited by polling with a deadline, stopped by its own pid."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import pytest

LOOPBACK = "127.0.0.1"
READY_TIMEOUT_S = 45.0
LEAST_PATIENCE_S = 40.0  # what takes a second on a quiet machine may take many on a busy one
STOP_TIMEOUT_S = 10.0
LOG_TAIL_LINES = 25
DAEMON_DIRS = ("/usr/sbin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin")
_DIRECT = build_opener(ProxyHandler({}))  # loopback never goes through a proxy


class DaemonFailedError(RuntimeError):
    """A daemon exited early or did not answer in time; the message ends with its last log lines."""


@dataclass
class Daemon:
    """A running process and how to reach it."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log_path: Path
    directory: Path
    host: str = LOOPBACK
    details: dict[str, str] = field(default_factory=dict)  # e.g. user, key file, dsn

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def log(self) -> str:
        """Everything the daemon wrote to stdout and stderr so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def tail(self) -> str:
        return "\n".join(self.log().splitlines()[-LOG_TAIL_LINES:])

    def alive(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def reload(self) -> None:
        """SIGHUP, which every daemon here takes as "read your files again"."""
        self.signal(signal.SIGHUP)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after STOP_TIMEOUT_S; returns once the process is gone."""
        stop_process(self.process)


def wait_until(predicate: Callable[[], object], timeout_s: float = 10.0, what: str = "a condition") -> None:
    """Poll until the predicate is true; AssertionError naming `what` after timeout_s, or LEAST_PATIENCE_S if longer.

    This waits for what is to come, however slow the machine; that something is quick is proved by counted events.
    """
    timeout_s = max(timeout_s, LEAST_PATIENCE_S)
    deadline = time.monotonic() + timeout_s
    pause_s = 0.005
    while not predicate():
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout_s:g} s for {what}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.1)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A loopback port that is free now; with SOCK_DGRAM, one free for UDP."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def find_binary(name: str, package: str) -> str:
    """Absolute path of an installed binary; skips the test when there is none."""
    search = os.pathsep.join([os.environ.get("PATH", ""), *DAEMON_DIRS])
    found = shutil.which(name, path=search)
    if found is None:
        pytest.skip(f"needs {name}: apt-get install {package}")
    return found


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL after STOP_TIMEOUT_S; the process is reaped on return."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def http_ok(url: str) -> bool:
    """Whether a GET answers 2xx at once."""
    try:
        with _DIRECT.open(url, timeout=2) as answer:
            return 200 <= int(answer.status) < 300
    except (URLError, HTTPError, OSError, ValueError):
        return False


def tcp_open(host: str, port: int) -> bool:
    """Whether a TCP connection can be made at once."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _await_ready(daemon: Daemon, ready: Callable[[], bool]) -> None:
    def settled() -> bool:
        return not daemon.alive() or ready()

    try:
        wait_until(settled, READY_TIMEOUT_S, f"{daemon.name} to be ready")
    except AssertionError as error:
        raise DaemonFailedError(f"{error}; its last lines:\n{daemon.tail()}") from error
    if not daemon.alive():
        raise DaemonFailedError(f"{daemon.name} exited {daemon.process.returncode}:\n{daemon.tail()}")


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    directory: Path,
    port: int,
    ready: Callable[[Daemon], bool],
    env: Mapping[str, str] | None = None,
    user: str | None = None,
) -> Iterator[Daemon]:
    """Start a command, wait until it is ready, stop it at the end: also for our own services."""
    directory.mkdir(parents=True, exist_ok=True)
    log_path = directory / f"{name}.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={**os.environ, **(env or {})},
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    daemon = Daemon(name=name, process=process, port=port, log_path=log_path, directory=directory)
    try:
        _await_ready(daemon, lambda: ready(daemon))
        yield daemon
    finally:
        daemon.stop()


def fresh_folder(tmp_path: Path, name: str) -> Path:
    """A fresh folder under tmp_path, numbered, so that a test may start two of a kind."""
    for number in range(1, 1000):
        folder = tmp_path / (name if number == 1 else f"{name}-{number}")
        if not folder.exists():
            folder.mkdir(parents=True)
            return folder
    raise DaemonFailedError(f"no free folder for {name} in {tmp_path}")
