"""The last leg on real parts: Alertmanager with the shipped file, the webhook as a process, sinks for messages."""

import json
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.fakes.daemons import Daemon, alertmanager, free_port
from tests.fakes.smtp_provider import Mailbox, mail_server
from tests.fakes.webhook_process import TOKEN, Sink, webhook

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "alertmanager" / "alertmanager.yml"
WEBHOOK = """
version: 1
database: {{sqlite: {folder}/webhook.db}}
public_url: http://127.0.0.1:9
integrations:
  main: {{tokens: [{{file: {folder}/token}}], policy: default}}
people:
  ana: {{contacts: [{{channel: hook}}]}}
policies:
  default: {{steps: [{{notify: [ana]}}], exhausted_after: 1h}}
channels:
  hook: {{type: webhook, url: "{sink}", allowed_networks: [127.0.0.0/8], timeout: 1s}}
"""


class Paging:
    """The webhook's folder, port and sinks; `webhook()` and `alertmanager()` start the two daemons."""

    def __init__(self, folder: Path, pages: Sink, mailbox: Mailbox, mail_port: int) -> None:
        self.folder, self.pages, self.mailbox, self._mail_port = folder, pages, mailbox, mail_port
        self.port = free_port()
        self.token = folder / "token"
        self.token.write_text(TOKEN)
        self.config = folder / "webhook.yml"
        self.config.write_text(WEBHOOK.format(folder=folder, sink=pages.url))

    def webhook(self) -> AbstractContextManager[Daemon]:
        """`heronwatch webhook all` at the port that Alertmanager posts to; may be started again."""
        flags = ("--config.file", str(self.config), f"--web.listen-address=127.0.0.1:{self.port}")
        command = (sys.executable, "-m", "heronwatch", "webhook", "all", *flags)
        return webhook(self.config, port=self.port, command=command)

    def alertmanager(self, *, hurry: bool) -> AbstractContextManager[Daemon]:
        """Alertmanager with the shipped file; in a hurry, all its waits are seconds in place of minutes and hours."""
        return alertmanager(self.folder, self.alertmanager_config(hurry=hurry))

    def alertmanager_config(self, *, hurry: bool) -> str:
        """The shipped file with the addresses of this test."""
        changes = {
            "http://127.0.0.1:9812/": f"http://127.0.0.1:{self.port}/",
            "/etc/heronwatch/secrets/intake-token": str(self.token),
            "templates/*.tmpl": str(ROOT / "alertmanager/templates/*.tmpl"),
            "smtp_smarthost: 127.0.0.1:25 ": f"smtp_smarthost: 127.0.0.1:{self._mail_port} ",
        }
        text = SHIPPED.read_text()
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new)
        return hurried(text) if hurry else text

    def stored(self, query: str) -> list[Any]:
        """What the webhook committed: the first column of a query."""
        with closing(sqlite3.connect(self.folder / "webhook.db")) as connection:
            return [row[0] for row in connection.execute(query)]

    def messages(self, words: str, reason: str = "page") -> list[dict[str, Any]]:
        """Messages that reached a person about incidents whose title holds these words."""
        return [m for m in self.pages.received if m["reason"] == reason and words in m["incident"]["title"]]


@contextmanager
def paging(folder: Path) -> Iterator[Paging]:
    """Sinks that listen, and files; no daemon yet."""
    with Sink() as pages, mail_server() as (mailbox, mail_port):
        yield Paging(folder, pages, mailbox, mail_port)


def hurried(text: str) -> str:
    """Alertmanager's file with waits of seconds: routes and groupings stay the same."""
    for wait, seconds in (("group_wait", 1), ("group_interval", 2), ("repeat_interval", 3)):
        text, number = re.subn(rf"\b{wait}: \w+", f"{wait}: {seconds}s", text)
        assert number, wait
    return text


class Alerts:
    """Gives Alertmanager alerts by their labels, as Prometheus would: each keeps its start until it is over."""

    def __init__(self, daemon: Daemon) -> None:
        self._url = f"{daemon.url}/api/v2/alerts"
        self._starts: dict[frozenset[tuple[str, str]], datetime] = {}

    def fire(self, *alerts: Mapping[str, str]) -> None:
        """Begin or repeat; an alert that is not repeated for an hour is over."""
        now = datetime.now(UTC)
        starts = [self._starts.setdefault(frozenset(labels.items()), now) for labels in alerts]
        self._post(alerts, starts, ends=now + timedelta(hours=1))

    def resolve(self, *alerts: Mapping[str, str]) -> None:
        """End what fires."""
        starts = [self._starts.pop(frozenset(labels.items())) for labels in alerts]
        self._post(alerts, starts, ends=datetime.now(UTC))

    def _post(self, alerts: Sequence[Mapping[str, str]], starts: Sequence[datetime], *, ends: datetime) -> None:
        body = [
            {
                "labels": dict(labels),
                "annotations": {"summary": f"about {labels['alertname']}"},
                "startsAt": start.isoformat(),
                "endsAt": ends.isoformat(),
            }
            for labels, start in zip(alerts, starts, strict=True)
        ]
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(self._url, json.dumps(body).encode(), headers), timeout=20) as answer:
            assert answer.status == 200


def metrics(daemon: Daemon) -> dict[str, float]:
    """Every sample of /metrics by its series."""
    with urlopen(f"{daemon.url}/metrics", timeout=10) as answer:
        lines = (line for line in answer.read().decode().splitlines() if line and not line.startswith("#"))
        return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}


def total(daemon: Daemon, name: str, *having: str) -> float:
    """Sum of a metric's samples whose labels hold all these texts, such as `integration="webhook"`."""
    return sum(
        value
        for series, value in metrics(daemon).items()
        if series.partition("{")[0] == name and all(text in series for text in having)
    )
