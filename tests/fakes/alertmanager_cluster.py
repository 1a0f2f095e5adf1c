"""Alertmanagers that gossip with one another: nodes that can be stopped, killed, held still and started again."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.fakes.processes import LOOPBACK, Daemon, find_binary, free_port, http_ok, running, wait_until

GOSSIP = ("--cluster.settle-timeout=1s", "--cluster.gossip-interval=50ms", "--cluster.pushpull-interval=1s")
TOGETHER_S = 30.0


class Cluster:
    """Nodes by number. What happens to one, the others learn from gossip alone."""

    def __init__(self, folder: Path, config: str, size: int, processes: contextlib.ExitStack) -> None:
        self._binary = find_binary("prometheus-alertmanager", "prometheus-alertmanager")
        self._folder, self._processes = folder, processes
        self._ports = [(free_port(), free_port()) for _ in range(size)]
        self.nodes: dict[int, Daemon] = {}
        for number in range(size):
            self._home(number).mkdir(parents=True)
            self.write(number, config)
            self.start(number)
        wait_until(lambda: all(self.members(n) == size for n in self.nodes), TOGETHER_S, "the nodes to find each other")

    def write(self, number: int, config: str) -> None:
        """Give a node its configuration; it reads it at its start, or on `reload`."""
        (self._home(number) / "alertmanager.yml").write_text(config)

    def start(self, number: int) -> Daemon:
        """Start a node where it was, with what it has stored."""
        web, gossip = self._ports[number]
        peers = [f"--cluster.peer={LOOPBACK}:{port}" for n, (_, port) in enumerate(self._ports) if n != number]
        home = self._home(number)
        command = [
            self._binary,
            f"--config.file={home / 'alertmanager.yml'}",
            f"--storage.path={home / 'data'}",
            f"--web.listen-address={LOOPBACK}:{web}",
            f"--cluster.listen-address={LOOPBACK}:{gossip}",
            f"--cluster.advertise-address={LOOPBACK}:{gossip}",
            "--cluster.peer-timeout=1s",  # how long the second node waits for the first to have notified
            "--cluster.reconnect-interval=500ms",
            *GOSSIP,
            *peers,
        ]
        started = running(
            f"alertmanager-{number}", command, directory=home, port=web, ready=lambda d: http_ok(f"{d.url}/-/ready")
        )
        self.nodes[number] = self._processes.enter_context(started)
        return self.nodes[number]

    def kill(self, number: int) -> None:
        """End a node as a power failure would."""
        node = self.nodes.pop(number)
        node.process.kill()
        node.process.wait()

    def hold(self, number: int) -> None:
        """Stop a node's clockwork: for the others it is not there; it forgets nothing, and lags when it goes on."""
        os.kill(self.nodes[number].pid, signal.SIGSTOP)

    def go_on(self, number: int) -> None:
        """Let a held node go on."""
        os.kill(self.nodes[number].pid, signal.SIGCONT)

    def members(self, number: int) -> int:
        """Return how many nodes this one sees, itself included."""
        status = requests.get(f"{self.nodes[number].url}/api/v2/status", timeout=20).json()
        return len(status["cluster"].get("peers") or [])

    def _home(self, number: int) -> Path:
        return self._folder / f"node-{number}"


@contextlib.contextmanager
def cluster(folder: Path, config: str, size: int) -> Iterator[Cluster]:
    """Start `size` nodes that know each other."""
    with contextlib.ExitStack() as processes:
        made = Cluster(folder / "cluster", config, size, processes)
        try:
            yield made
        finally:
            for node in made.nodes.values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(node.pid, signal.SIGCONT)  # a held one cannot be told to stop
