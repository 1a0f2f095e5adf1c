"""A PostgreSQL that goes away at once, as in a crash, and comes back where it was."""

import os
import signal
import subprocess

from tests.fakes.processes import STOP_TIMEOUT_S, Daemon, wait_until


def crash(daemon: Daemon) -> None:
    """Immediate shutdown: every connection breaks, nothing is written first."""
    daemon.signal(signal.SIGQUIT)
    daemon.process.wait(STOP_TIMEOUT_S)


def start_again(daemon: Daemon) -> None:
    """Start it on the same data and port; it recovers from its log first."""
    said = daemon.log().count("ready to accept connections")
    user = "postgres" if os.geteuid() == 0 else None
    with daemon.log_path.open("ab") as log:
        daemon.process = subprocess.Popen(
            daemon.process.args,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=daemon.directory,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    wait_until(lambda: daemon.log().count("ready to accept connections") > said, 60, "PostgreSQL to be back")
