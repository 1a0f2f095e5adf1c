"""Three real Alertmanagers, the real webhook: nodes die and lag, receivers are away; no alert is lost, one page each.

Some take longer, the last as long as a true outage: `make test-long`, or all of them by `pytest -m alertmanager`.
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.alert_webhook.test_alertmanager import ROUTES, push, rfc3339
from tests.fakes.alertmanager_cluster import Cluster, cluster
from tests.fakes.daemons import Daemon, free_port, wait_until
from tests.fakes.webhook_process import TOKEN, Sink, webhook, write_config

pytestmark = pytest.mark.alertmanager


class Site:
    """Nodes of Alertmanager, the webhook's place, and the provider."""

    def __init__(self, folder: Path, nodes: Cluster, sink: Sink, port: int) -> None:
        self.nodes, self._sink, self._port = nodes, sink, port
        self._kept = kept(port)
        self._config = write_config(folder, sink.url)

    @contextlib.contextmanager
    def webhook(self) -> Iterator[Daemon]:
        self._kept.close()
        with webhook(self._config, port=self._port) as daemon:
            yield daemon

    def fire(self, name: str, **labels: str) -> None:
        """As Prometheus does: to every node that answers."""
        for node in self.nodes.nodes.values():
            with contextlib.suppress(requests.RequestException):
                push(node, name, **labels)

    def let_go(self) -> None:
        """Leave the webhook's port to others."""
        self._kept.close()

    def pages(self, name: str) -> list[dict[str, Any]]:
        received = self._sink.received
        return [page for page in received if page["reason"] == "page" and name in page["incident"]["title"]]

    def await_page(self, name: str, within_s: float = 40.0) -> None:
        wait_until(lambda: self.pages(name), within_s, f"the page about {name}")


def kept(port: int) -> socket.socket:
    """Take the port and answer nothing there: while the webhook is away, nobody else must get its alerts."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


@contextlib.contextmanager
def site(tmp_path: Path, *, size: int = 3, changes: tuple[tuple[str, str], ...] = ()) -> Iterator[Site]:
    port = free_port()
    text = ROUTES.format(port=port, token=TOKEN)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    with Sink() as sink, cluster(tmp_path, text, size) as nodes:
        here = Site(tmp_path, nodes, sink, port)
        try:
            yield here
        finally:
            here.let_go()


@pytest.mark.timeout(150)
def test_nodes_that_die_and_lag_page_each_alert_once(tmp_path: Path) -> None:
    with site(tmp_path) as here, here.webhook() as daemon:
        here.fire("Before")
        here.await_page("Before")
        here.nodes.kill(0)
        here.fire("OneDead")
        here.await_page("OneDead")
        here.nodes.hold(1)  # apart from the rest, with what it knows
        push(here.nodes.nodes[2], "OneLeft")
        here.await_page("OneLeft")
        here.nodes.go_on(1)
        here.nodes.start(0)
        here.fire("Together")
        here.await_page("Together")
        repeats = 'heronwatch_webhook_intake_requests_total{code="200",integration="am"}'
        before = sample(daemon, repeats)
        wait_until(lambda: sample(daemon, repeats) >= before + 3, 30, "repeated notifications")
        assert {name: len(here.pages(name)) for name in ("Before", "OneDead", "OneLeft", "Together")} == {
            "Before": 1,
            "OneDead": 1,
            "OneLeft": 1,
            "Together": 1,
        }


@pytest.mark.long
@pytest.mark.timeout(150)
def test_nodes_without_each_other_tell_the_same_and_one_page_goes_out(tmp_path: Path) -> None:
    with site(tmp_path, size=2) as here, here.webhook() as daemon:
        here.nodes.hold(1)
        push(here.nodes.nodes[0], "Apart")
        here.await_page("Apart")
        here.nodes.go_on(1)
        push(here.nodes.nodes[1], "Apart")  # it never heard that the other told it
        received = 'heronwatch_webhook_alerts_received_total{integration="am",status="firing"}'
        told = sample(daemon, received)
        wait_until(lambda: sample(daemon, received) >= told + 2, 30, "both nodes to have told it")
        assert len(here.pages("Apart")) == 1


@pytest.mark.timeout(150)
def test_a_silence_keeps_an_alert_away_and_its_end_pages(tmp_path: Path) -> None:
    with site(tmp_path, size=1) as here, here.webhook():
        am = here.nodes.nodes[0]
        silence = {
            "matchers": [{"name": "alertname", "value": "Quiet", "isRegex": False, "isEqual": True}],
            "startsAt": rfc3339(time.time()),
            "endsAt": rfc3339(time.time() + 600),
            "createdBy": "test",
            "comment": "work",
        }
        made = requests.post(f"{am.url}/api/v2/silences", json=silence, timeout=20).json()
        here.fire("Quiet")
        here.fire("Loud")
        here.await_page("Loud")
        assert here.pages("Quiet") == []
        requests.delete(f"{am.url}/api/v2/silence/{made['silenceID']}", timeout=20).raise_for_status()
        here.await_page("Quiet")
        assert (len(here.pages("Quiet")), len(here.pages("Loud"))) == (1, 1)


@pytest.mark.long
@pytest.mark.timeout(150)
def test_reloads_of_alertmanager_repeat_no_page_and_lose_no_alert(tmp_path: Path) -> None:
    with site(tmp_path, size=1) as here, here.webhook() as daemon:
        here.fire("Steady")
        here.await_page("Steady")
        am = here.nodes.nodes[0]
        for number in range(3):
            loads = sample(am, "alertmanager_config_last_reload_success_timestamp_seconds")
            am.reload()
            wait_until(
                lambda was=loads: sample(am, "alertmanager_config_last_reload_success_timestamp_seconds") >= was,
                10,
                "the reload",
            )
            here.fire(f"After{number}x")
            here.await_page(f"After{number}x")
        assert len(here.pages("Steady")) == 1
        assert sample(daemon, 'heronwatch_webhook_incidents{state="new"}') == 4


@pytest.mark.long
@pytest.mark.timeout(150)
def test_alerts_that_alertmanager_leaves_out_are_counted(tmp_path: Path) -> None:
    with site(tmp_path, size=1, changes=(("max_alerts: 0", "max_alerts: 2"),)) as here, here.webhook() as daemon:
        for port in range(5):
            here.fire("PortDown", port=str(port))
        here.await_page("PortDown")
        truncated = 'heronwatch_webhook_alerts_truncated_total{integration="am"}'
        wait_until(lambda: sample(daemon, truncated) >= 3, 30, "the count of what was left out")
        assert len(here.pages("PortDown")) == 1


@pytest.mark.timeout(150)
def test_a_receiver_that_was_away_for_several_intervals_gets_what_still_fires(tmp_path: Path) -> None:
    with site(tmp_path) as here:
        for name in ("Away1x", "Away2x"):
            here.fire(name)
        failed = 'alertmanager_notifications_failed_total{integration="webhook"}'
        wait_until(lambda: failures(here.nodes, failed) >= 4, 60, "several intervals without the webhook")
        with here.webhook():
            here.await_page("Away1x", 60)
            here.await_page("Away2x", 60)
            assert (len(here.pages("Away1x")), len(here.pages("Away2x"))) == (1, 1)


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_receiver_that_was_away_for_twelve_minutes(tmp_path: Path) -> None:
    """Longer than two of Alertmanager's usual group intervals."""
    usual = (("group_interval: 1s", "group_interval: 5m"), ("repeat_interval: 2s", "repeat_interval: 4h"))
    with site(tmp_path, changes=usual) as here:
        here.fire("LongAway")
        until = time.monotonic() + 12 * 60
        while time.monotonic() < until:
            here.fire("LongAway")
            time.sleep(15)
        with here.webhook() as daemon:
            told_by = time.monotonic() + 400
            while not here.pages("LongAway") and time.monotonic() < told_by:
                here.fire("LongAway")
                time.sleep(5)
            assert len(here.pages("LongAway")) == 1
            assert sample(daemon, 'heronwatch_webhook_incidents{state="new"}') == 1


def failures(nodes: Cluster, series: str) -> float:
    return sum(sample(node, series) for node in nodes.nodes.values())


def sample(daemon: Daemon, series: str) -> float:
    """One sample of /metrics, 0 while there is none; newer versions add labels at the end."""
    lines = requests.get(f"{daemon.url}/metrics", timeout=20).text.splitlines()
    wanted = series.removesuffix("}")
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted))
