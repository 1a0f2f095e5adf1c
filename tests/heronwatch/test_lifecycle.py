"""Signals end a service gracefully, a reload never ends it, and systemd is told."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from heronwatch.errors import ConfigError
from heronwatch.faults import Fault
from heronwatch.lifecycle import EXIT_FORCED, Lifecycle, notify
from tests.fakes.daemons import wait_until

PROGRAM = """
import sys, time
from heronwatch.lifecycle import Lifecycle
with Lifecycle(lambda: print("reloaded", flush=True)) as life:
    print("ready", flush=True)
    life.wait()
    print("stopping", flush=True)
    time.sleep(float(sys.argv[1]))
"""


def started(linger_s: float) -> subprocess.Popen[str]:
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, str(linger_s)], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    return program


def test_hang_up_reloads_and_terminate_ends() -> None:
    program = started(0)
    assert program.stdout is not None
    program.send_signal(signal.SIGHUP)
    assert program.stdout.readline() == "reloaded\n"
    program.send_signal(signal.SIGTERM)
    assert program.communicate(timeout=10)[0] == "stopping\n"
    assert program.returncode == 0


def test_second_signal_ends_at_once() -> None:
    with started(60) as program:
        assert program.stdout is not None
        program.send_signal(signal.SIGTERM)
        assert program.stdout.readline() == "stopping\n"
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == EXIT_FORCED


def test_faulty_configuration_leaves_it_running() -> None:
    tried = threading.Event()

    def reload() -> None:
        tried.set()
        raise ConfigError([Fault("x.yml", 3, "a", "is wrong")])

    with Lifecycle(reload) as life:
        waiting = threading.Thread(target=life.wait)
        waiting.start()
        os.kill(os.getpid(), signal.SIGHUP)
        assert tried.wait(10)
        assert waiting.is_alive()
        life.stop()
        waiting.join(10)
        assert not waiting.is_alive()


def test_systemd_hears_ready_reloading_stopping(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(10)
        with Lifecycle(lambda: None, environment={"NOTIFY_SOCKET": str(path)}) as life:
            waiting = threading.Thread(target=life.wait)
            waiting.start()
            assert listener.recv(200) == b"READY=1"
            os.kill(os.getpid(), signal.SIGHUP)
            assert listener.recv(200).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert listener.recv(200) == b"READY=1"
            life.stop()
            assert listener.recv(200) == b"STOPPING=1"
            wait_until(lambda: not waiting.is_alive(), 10, "the end")


def test_without_systemd_nobody_is_told() -> None:
    assert not notify("READY=1", environment={})
    assert not notify("READY=1", environment={"NOTIFY_SOCKET": "/nonexistent/socket"})


def test_a_signal_may_interrupt_the_wait_anywhere() -> None:
    """Every line of the waiting loop, and of what it calls in Python, is interrupted once by SIGHUP.

    A handler that takes a lock which the interrupted line holds would wait for ever.
    """
    life = Lifecycle(lambda: None)

    def interrupt(_frame: object, event: str, _arg: object) -> object:
        sys.settrace(None)  # the handler's own lines are left alone
        if event == "line":
            life._on_signal(signal.SIGHUP, None)
        sys.settrace(interrupt)
        return interrupt

    def run() -> None:
        sys.settrace(interrupt)
        try:
            life.wait()
        finally:
            sys.settrace(None)

    waiting = threading.Thread(target=run, daemon=True)
    waiting.start()
    wait_until(lambda: not life._wake.empty() or not waiting.is_alive(), what="the loop to be interrupted")
    life.stop()
    waiting.join(10)
    assert not waiting.is_alive()
