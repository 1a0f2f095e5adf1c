"""Starts the demo's programs, waits until all are ready, and stops them: nothing is left behind."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2): the signal a child gets when its parent dies
STOP_TIMEOUT_S = 8.0
POLL_S = 0.1
LAST_LINES = 15
READY_TIMEOUT_S = 90.0  # one that ends is seen at once: this is for one that hangs, on the slowest machine


class ChildError(Exception):
    """A program ended, or was not ready in time; the message carries its last lines."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A program to run: its name for people, its command, and how to see that it is ready.

    `ready` asks it, `ready_text` is what it prints; without both it is ready at once.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] | None = None
    ready_text: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_timeout_s: float = READY_TIMEOUT_S


class Supervisor:
    """Runs children, and stops them in reverse order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[Child, subprocess.Popen[bytes]]] = []

    def start(self, *children: Child) -> None:
        """Start programs side by side and wait until every one is ready.

        Raises ChildError with the last lines of the first that is not.
        """
        processes = [self._spawn(child) for child in children]
        began = time.monotonic()
        for child, process in zip(children, processes, strict=True):
            self._wait(child, process, began + child.ready_timeout_s)

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        with self.log_path(child.name).open("wb") as output:
            process = subprocess.Popen(
                list(child.command),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self._folder,
                env={**os.environ, **child.environment},
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the rest in order
                preexec_fn=_die_with_parent,  # noqa: PLW1509  one prctl call, and the sinks hold no lock of its
            )
        self._running.append((child, process))
        return process

    def _wait(self, child: Child, process: subprocess.Popen[bytes], deadline: float) -> None:
        log = self.log_path(child.name)
        while not _is_ready(child, log):
            if process.poll() is not None:
                raise ChildError(f"{child.name} ended with status {process.returncode}:\n{self._tail(log)}")
            if time.monotonic() > deadline:
                raise ChildError(f"{child.name} was not ready after {child.ready_timeout_s:.0f} s:\n{self._tail(log)}")
            time.sleep(POLL_S)

    def log_path(self, name: str) -> Path:
        """Return the file a child's output goes to."""
        return self._folder / f"{name.replace(' ', '-')}.log"

    def ended(self) -> str | None:
        """Return what there is to say of a child that ended by itself, or None."""
        for child, process in self._running:
            if process.poll() is not None:
                return f"{child.name} ended with status {process.returncode}:\n{self._tail(self.log_path(child.name))}"
        return None

    def stop(self) -> None:
        """Stop every child: SIGTERM in reverse order, SIGKILL for what is left after the time-out."""
        for _child, process in reversed(self._running):
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for _child, process in reversed(self._running):
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal_group(process, signal.SIGKILL)
                process.wait(5)
        self._running.clear()

    def _tail(self, log: Path) -> str:
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join(f"    {line}" for line in lines) or "    (it printed nothing)"


def answers(url: str) -> Callable[[], bool]:
    """Return a check that is true once a GET of the URL answers 200."""

    def check() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return check


def accepts_tcp(port: int) -> Callable[[], bool]:
    """Return a check that is true once something accepts connections on a loopback port."""

    def check() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    return check


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a loopback port that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(child: Child, log: Path) -> bool:
    if child.ready_text and child.ready_text not in log.read_text(errors="replace"):
        return False
    return child.ready is None or child.ready()


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere stop() has to do
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
