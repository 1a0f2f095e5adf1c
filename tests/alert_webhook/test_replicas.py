"""Several replicas on one PostgreSQL: together they do what one would do."""

import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from alert_webhook.incidents.transitions import State
from alert_webhook.store import views
from alert_webhook.store.opening import open_store
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import Daemon, free_port, wait_until
from tests.fakes.webhook_process import TOKEN, Sink, webhook, write_config
from tests.fakes.webhook_stack import Stack

REPLICAS = 4


@pytest.fixture
def replicas(postgres_engine: sa.Engine, clock: FakeClock) -> list[Stack]:
    made = []
    for number in range(REPLICAS):
        stack = Stack(open_store(postgres_engine, clock, time=lambda _: clock.now()), clock)
        stack.random.__init__(number + 1)  # type: ignore[misc]  # each draws its own randomness
        made.append(stack)
    return made


def at_once(works: list[Callable[[], None]]) -> None:
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # shown by the assertion
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_same_body_to_all_at_once_is_one_incident_and_one_page(replicas: list[Stack]) -> None:
    alerts = [replicas[0].alert("LinkDown", "high", 0, None, {"port": str(n)}) for n in range(30)]

    def deliver(stack: Stack, part: int) -> Callable[[], None]:
        def work() -> None:
            for order in (alerts, alerts[::-1], alerts[part::2]):
                assert stack.post(*order, group="g").status == 200

        return work

    at_once([deliver(stack, number % 2) for number, stack in enumerate(replicas)])
    at_once([stack.settle for stack in replicas])
    (incident,) = replicas[0].store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    assert (incident.firing, incident.total) == (30, 30)
    assert sum(len(stack.channels["sms"].sent) for stack in replicas) == 1


def test_each_due_page_is_sent_by_exactly_one(replicas: list[Stack]) -> None:
    number = 120
    for each in range(number):
        replicas[each % REPLICAS].post(replicas[0].alert(f"Alert{each}", "high", 0, None, {}), group=f"g{each}")

    def work(stack: Stack) -> Callable[[], None]:
        def turns() -> None:
            for _ in range(60):
                stack.engine.turn()

        return turns

    at_once([work(stack) for stack in replicas])
    sent = Counter(message.incident.title for stack in replicas for message in stack.channels["sms"].sent)
    assert len(sent) == number
    assert set(sent.values()) == {1}


def test_connections_that_the_server_closed_are_made_again(replicas: list[Stack]) -> None:
    stack = replicas[0]
    assert stack.post(stack.alert("A", "warning", 0, None, {})).status == 200
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND client_port > 0"
    with stack.store.engine.connect() as connection:
        connection.execute(sa.text(others))
    assert stack.post(stack.alert("B", "warning", 0, None, {})).status == 200


def test_a_table_locked_for_long_is_503_and_afterwards_not(postgres_engine: sa.Engine, replicas: list[Stack]) -> None:
    stack = replicas[0]
    with postgres_engine.connect() as other:
        other.execute(sa.text("LOCK TABLE alert IN EXCLUSIVE MODE"))
        assert stack.post(stack.alert("A", "warning", 0, None, {})).status == 503
    assert stack.post(stack.alert("A", "warning", 0, None, {})).status == 200


@pytest.mark.timeout(120)
def test_serve_and_engines_in_processes_of_their_own_send_each_page_once(
    postgres_engine: sa.Engine, tmp_path: Path
) -> None:
    url = postgres_engine.url
    server = f"{{postgresql: {{host: {url.host}, port: {url.port}, database: {url.database}, user: {url.username}}}}}"
    with Sink() as sink, ExitStack() as processes:
        config = write_config(tmp_path, sink.url, database=server)
        serve = processes.enter_context(started(config, "serve"))
        engines = [processes.enter_context(started(config, "engine")) for _ in range(2)]
        for number in range(20):
            if number == 10:
                engines[0].process.kill()
            post(serve, f"Alert{number}x")
        wait_until(lambda: len(titles(sink)) == 20, 30, "every page")
        repeated = [page for page in sink.received if page["possible_duplicate"]]
        assert len(sink.received) - len(repeated) <= 20


def started(config: Path, role: str) -> AbstractContextManager[Daemon]:
    port = free_port()
    flags = ("--config.file", str(config), "--web.listen-address", f"127.0.0.1:{port}")
    return webhook(config, port=port, command=(sys.executable, "-m", "heronwatch", "webhook", role, *flags))


def post(daemon: Daemon, name: str) -> None:
    labels = {"alertname": name, "severity": "critical"}
    alert = {"status": "firing", "labels": labels, "startsAt": "2026-01-01T00:00:00Z"}
    url, headers = f"{daemon.url}/api/v1/intake/alertmanager/am", {"Authorization": f"Bearer {TOKEN}"}
    body = {"version": "4", "groupKey": name, "alerts": [alert]}
    requests.post(url, json=body, headers=headers, timeout=10).raise_for_status()


def titles(sink: Sink) -> set[str]:
    return {page["incident"]["title"] for page in sink.received}
