"""A process of the webhook that is there to be killed: forked from one that has the imports done, so it starts soon."""

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import requests

from tests.fakes.processes import free_port, http_ok, wait_until
from tests.fakes.webhook_process import TOKEN, main

START_S = 60.0
PRELOADED = [
    "tests.fakes.webhook_process", "alert_webhook.cli", "alert_webhook.config", "alert_webhook.serving",
    "alert_webhook.store.migrating", "alembic.command",
]  # fmt: skip


class Victim:
    """One process of the webhook. Requests to it return None when it dies meanwhile."""

    def __init__(self, process: ForkServerProcess, port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}"

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def reap(self) -> None:
        """Wait until it is gone."""
        self._process.join(10)

    def await_ready(self) -> bool:
        """Return whether it became ready; False when it died instead."""
        wait_until(lambda: not self.alive or http_ok(f"{self.url}/-/ready"), START_S, "the webhook to be ready")
        return self.alive

    def post(self, body: object) -> int | None:
        """POST to the intake; return the status."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        try:
            url = f"{self.url}/api/v1/intake/alertmanager/am"
            return requests.post(url, json=body, headers=headers, timeout=8).status_code
        except requests.RequestException:
            return None

    def acknowledge(self, link: str) -> int | None:
        """Open an ack link, press its button; return the status of that."""
        url = f"{self.url}/a/{link.rpartition('/')[2]}"
        try:
            key = requests.get(url, timeout=8).text.partition('name="key" value="')[2].partition('"')[0]
            form = {"key": key, "action": "ack"}
            return requests.post(url, data=form, timeout=8, allow_redirects=False).status_code
        except requests.RequestException:
            return None


@contextlib.contextmanager
def victim(config: Path, failpoint: str = "", *, role: str = "all", skew_s: float = 0.0) -> Iterator[Victim]:
    """Start one whose clock is `skew_s` ahead; at the end it is killed if it still runs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    port = free_port()
    process = context.Process(target=_run, args=(str(config), port, failpoint, role, skew_s), daemon=True)
    process.start()
    made = Victim(process, port)
    try:
        yield made
    finally:
        made.kill()
        made.reap()


def _run(config: str, port: int, failpoint: str, role: str, skew_s: float) -> None:
    log = os.open(f"{config}.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    os.environ["INTAKE_TOKEN"] = TOKEN
    main(config, str(port), failpoint, role=role, skew_s=skew_s)
