"""kill -9 of the real process: no alert answered 2xx is lost, each due page goes out, and repeats say what they are."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.fakes.daemons import Daemon, free_port, wait_until
from tests.fakes.webhook_process import TOKEN, Sink, webhook, write_config

FAILPOINTS = [
    "before_commit:intake",
    "after_commit:intake",
    "before_commit:escalate",
    "after_commit:escalate",
    "before_commit:claim",
    "after_commit:claim",
    "before_send",
    "after_send",
    "before_commit:record",
    "after_commit:record",
]
MAYBE_SENT = {"after_send", "before_commit:record"}  # killed after the provider had it and before that was recorded


def post(daemon: Daemon, name: str) -> bool:
    """Send one alert; whether it was answered 2xx."""
    alert = {
        "status": "firing",
        "labels": {"alertname": name, "severity": "critical"},
        "startsAt": "2026-01-01T00:00:00Z",
    }
    try:
        answer = requests.post(
            f"{daemon.url}/api/v1/intake/alertmanager/am",
            json={"version": "4", "groupKey": name, "alerts": [alert]},
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=5,
        )
    except requests.RequestException:
        return False
    return answer.ok


def stored(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "webhook.db")) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM alert")}


def pages_of(sink: Sink, name: str) -> list[dict[str, object]]:
    return [page for page in sink.received if name in str(page)]


@pytest.mark.timeout(120)
def test_kill_at_every_failpoint(tmp_path: Path) -> None:
    """Each process first makes good what the one before left behind, then dies at its own failpoint."""
    port, left = free_port(), Left("", name="", answered=True)
    armed = tmp_path / "webhook.yml.armed"
    with Sink() as sink:
        config = write_config(tmp_path, sink.url)
        for number, failpoint in enumerate([*FAILPOINTS, ""]):
            with webhook(config, port=port, failpoint=failpoint) as daemon:
                made_good(daemon, left, sink)
                if not failpoint:
                    break
                armed.touch()
                left = Left(failpoint, name=f"Alert{number}", answered=post(daemon, f"Alert{number}"))
                wait_until(lambda d=daemon: not d.alive(), 15, f"the kill at {failpoint}")
                armed.unlink()
            assert not left.answered or left.name in stored(tmp_path)


class Left:
    """What a killed process left behind."""

    def __init__(self, failpoint: str, *, name: str, answered: bool) -> None:
        self.failpoint, self.name, self.answered = failpoint, name, answered


def made_good(daemon: Daemon, left: Left, sink: Sink) -> None:
    """The alert is accepted (again, if it was not answered), paged, and a second page says what it is."""
    if not left.name:
        return
    if not left.answered:
        wait_until(lambda: post(daemon, left.name), 10, "the alert to be accepted")
    wait_until(lambda: pages_of(sink, left.name), 15, f"the page after a kill at {left.failpoint}")
    wait_until(lambda: idle(daemon), 15, "the outbox to be empty")
    pages = pages_of(sink, left.name)
    assert len(pages) == (2 if left.failpoint in MAYBE_SENT else 1), (left.failpoint, pages)
    assert all(page["possible_duplicate"] for page in pages[1:]), (left.failpoint, pages)


def idle(daemon: Daemon) -> bool:
    text = requests.get(f"{daemon.url}/metrics", timeout=5).text
    return "heronwatch_webhook_outbox_pending 0.0" in text and "heronwatch_webhook_timers_overdue_seconds 0.0" in text


@pytest.mark.timeout(120)
def test_kill_at_random_moments_of_a_busy_process(tmp_path: Path) -> None:
    port, sent, answered, rounds = free_port(), 0, set[str](), 3
    with Sink() as sink:
        config = write_config(tmp_path, sink.url)
        for number in range(rounds):
            with webhook(config, port=port) as daemon:
                until = time.monotonic() + 0.4 + 0.37 * number
                while time.monotonic() < until:
                    name = f"Busy{sent}x"
                    sent += 1
                    if post(daemon, name):
                        answered.add(name)
                daemon.process.kill()
                daemon.process.wait()
            assert answered <= stored(tmp_path)
        with webhook(config, port=port) as daemon:
            wait_until(lambda: idle(daemon), 30, "the outbox to be empty")
        counted = {name: pages_of(sink, name) for name in answered}
    assert answered
    assert all(counted.values())
    extra = [page for pages in counted.values() for page in pages[1:]]
    assert all(page["possible_duplicate"] for page in extra)
    assert len(extra) <= rounds * 8  # a kill can catch every sender between provider and record
