"""The webhook as a real process that a test may kill, and a sink that stands for a provider.

As a program: `python -m tests.fakes.webhook_process CONFIG PORT [FAILPOINT]` serves like `heronwatch webhook all`, and
kills itself with SIGKILL where FAILPOINT is reached while the file CONFIG.armed exists ("NAME#3": the third time).
"""

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.http_sink import Asked, HttpSink, http_answer
from tests.fakes.daemons import Daemon, free_port, http_ok, running

if TYPE_CHECKING:
    from heronwatch.clock import SystemClock

TAKEN = http_answer()
TOKEN = "0123456789abcdef0123456789abcdef"
CONFIG = """
version: 1
database: {{sqlite: {folder}/webhook.db}}
public_url: http://127.0.0.1:9
integrations:
  am: {{tokens: [{{env: INTAKE_TOKEN}}], policy: default}}
people:
  ana: {{contacts: [{{channel: hook}}]}}
policies:
  default: {{steps: [{{notify: [ana]}}]}}
channels:
  hook: {{type: webhook, url: "{sink}", allowed_networks: [127.0.0.0/8], timeout: 1s}}
delivery: {{lease: 2s, critical: {{messages: 40, within: 1m, bundle_after: 5s}}}}
"""


class Sink(HttpSink):
    """An HTTP server that remembers what it is sent, as JSON, and answers 200."""

    def __init__(self, on_page: Callable[[], None] = lambda: None) -> None:
        super().__init__(self._taken)
        self.received: list[Any] = []
        self.on_page = on_page  # called with each message, before it is answered

    def _taken(self, asked: Asked) -> bytes:
        self.received.append(json.loads(asked.body))
        self.on_page()
        return TAKEN


def write_config(folder: Path, sink: str, *, database: str = "") -> Path:
    path = folder / "webhook.yml"
    text = CONFIG.format(folder=folder, sink=sink)
    path.write_text(text.replace(f"{{sqlite: {folder}/webhook.db}}", database) if database else text)
    return path


@contextmanager
def webhook(
    config: Path, *, port: int | None = None, failpoint: str = "", command: tuple[str, ...] = ()
) -> Iterator[Daemon]:
    """The process, ready; `port` to come back where it was, `failpoint` to die there."""
    listen = port or free_port()
    program = command or (sys.executable, "-m", "tests.fakes.webhook_process", str(config), str(listen), failpoint)
    environment = {"INTAKE_TOKEN": TOKEN, "PYTHONPATH": str(Path(__file__).parents[2])}

    def ready(daemon: Daemon) -> bool:
        return http_ok(f"{daemon.url}/-/ready")

    folder = config.parent / f"process-{listen}"
    with running("webhook", program, directory=folder, port=listen, ready=ready, env=environment) as daemon:
        yield daemon


def _kill_at(where: str, armed: Path) -> Callable[[str], None]:
    name, _, nth = where.partition("#")
    passed = itertools.count(1)

    def failpoint(reached: str) -> None:
        if reached == name and armed.exists() and next(passed) >= int(nth or 1):
            os.kill(os.getpid(), signal.SIGKILL)

    return failpoint


def _skewed(clock: "SystemClock", skew_s: float) -> "SystemClock":
    """A clock that is `skew_s` ahead of this machine's."""
    from heronwatch.clock import SystemClock

    class Skewed(SystemClock):
        def now(self) -> float:
            return clock.now() + skew_s

    return Skewed()


def main(config: str, port: str, failpoint: str = "", *, role: str = "all", skew_s: float = 0.0) -> None:
    from alert_webhook.config import Config
    from alert_webhook.service import Seams, build
    from alert_webhook.serving import ROLES, Listening, Running
    from heronwatch import logs
    from heronwatch.clock import SystemClock
    from heronwatch.config import load
    from heronwatch.flags import WebFlags
    from heronwatch.lifecycle import Lifecycle
    from heronwatch.values import HostPort

    logs.configure(level="info")
    seams = Seams(clock=_skewed(SystemClock(), skew_s), failpoint=_kill_at(failpoint, Path(f"{config}.armed")))
    service = build(load([config], Config), [config], seams, external_url="")
    process = Running(service, ROLES[role], Listening(web=WebFlags(listen=(HostPort("127.0.0.1", int(port)),))))
    with Lifecycle(process.reload) as lifecycle:
        process.start()
        lifecycle.wait()
        process.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
