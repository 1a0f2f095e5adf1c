"""Processes under measurement: started, watched through /proc, and stopped by their own pids."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
READY_S = 30.0


def stop_on_sigterm() -> None:
    """Let SIGTERM end this program as Ctrl-C does, so that what it has started is stopped, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


class Watched:
    """A process with its children."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def pids(self) -> list[int]:
        """Return the process and all its descendants."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def cpu_s(self) -> float:
        """Return the CPU seconds used so far (user and system)."""
        return sum(_cpu_s(pid) for pid in self.pids())

    def peak_bytes(self) -> int:
        """Return the largest resident size so far, added up over the processes."""
        return sum(_peak_bytes(pid) for pid in self.pids())


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    ready: Callable[[], bool],
    within_s: float = READY_S,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Watched]:
    """Start a program, wait until it is ready, and stop it at the end; raises RuntimeError when it does not start.

    `environment` is added to this process's own.
    """
    with log.open("wb") as output:
        whole = {**os.environ, **(environment or {})}
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=whole)
    try:
        _await(process, ready, log, within_s)
        yield Watched(process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """Return loopback ports that are free now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket(socket.AF_INET, kind)) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def answers(port: int, path: str) -> bool:
    """Say whether a server on this machine answers a path with 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _await(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()  # proc(5): utime and stime
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _peak_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
