"""Several replicas on one PostgreSQL: together they do what one would do."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from alert_webhook.escalation.policy import Policy
from alert_webhook.escalation.policy import Step as PolicyStep
from alert_webhook.incidents.transitions import State
from alert_webhook.store import views
from alert_webhook.store.opening import open_store
from alert_webhook.store.schema import event, incident, notification, timer
from alert_webhook.store.statements import json_text
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import Daemon, free_port, wait_until
from tests.fakes.webhook_process import TOKEN, Sink, webhook, write_config
from tests.fakes.webhook_stack import Stack
from tests.fakes.webhook_victim import Victim, victim

pytestmark = pytest.mark.replicas
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
    with Sink() as sink, ExitStack() as processes:
        config = write_config(tmp_path, sink.url, database=server_of(postgres_engine))
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


class Fleet:
    """Engines on one PostgreSQL, their clocks up to ten minutes off either way, each a process that may be killed."""

    def __init__(self, config: Path, processes: ExitStack) -> None:
        self._config, self._processes = config, processes
        self.engines: list[Victim] = []

    def add(self) -> None:
        skew_s = SKEWS_S[len(self.engines) % len(SKEWS_S)]
        self.engines.append(self._processes.enter_context(victim(self._config, role="engine", skew_s=skew_s)))

    def kill_one_and_replace_it(self) -> None:
        next(each for each in self.engines if each.alive).kill()
        self.add()
        assert self.engines[-1].await_ready()  # a kill is of an engine that works, on a busy machine too


SKEWS_S = (600.0, -600.0, 0.0, 300.0)


PAGES_EACH = 25  # of critical incidents: more to one person within a minute would go out in bundles


def people(number: int) -> list[str]:
    """Whom so many incidents page."""
    return [f"person{each}" for each in range(-(-number // PAGES_EACH))]


def with_people(config: Path, names: list[str]) -> None:
    """Give a configuration more people, each with the contact that `ana` has."""
    added = "".join(f"  {name}: {{contacts: [{{channel: hook}}]}}\n" for name in names)
    config.write_text(config.read_text().replace("people:\n", f"people:\n{added}"))


def add_timers(engine: sa.Engine, number: int, *, over_s: float) -> float:
    """Incidents whose first step is due in even steps over the time to come; when the first is, by the server."""
    names = people(number)
    policies = [json_text(Policy("default", (PolicyStep(0.0, (name,)),), 0, 3600.0)) for name in names]
    with engine.begin() as connection:
        now = float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
        shared = {
            "integration": "am", "labels": "{}", "source_url": "", "severity": "critical", "rank": 0,
            "urgency": "page", "state": "new", "cycle": 1, "repeats_left": 0, "next_step": 0,
            "started_at": now, "updated_at": now, "acked_by": "",
        }  # fmt: skip
        rows = [
            {**shared, "policy": policies[n % len(names)], "code": f"C{n}", "group_name": f"g{n}", "title": f"Timer{n}"}
            for n in range(number)
        ]
        connection.execute(incident.insert(), rows)
        ids = connection.execute(sa.select(incident.c.id)).scalars().all()
        spread = over_s / number
        due = [{"incident_id": each, "kind": "escalate", "due_at": now + n * spread} for n, each in enumerate(ids)]
        connection.execute(timer.insert(), due)
        return now


def executed(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).where(notification.c.state == "sent")).scalar_one())


def last_sent_at(engine: sa.Engine) -> float:
    with engine.connect() as connection:
        return float(connection.execute(sa.select(sa.func.max(notification.c.sent_at))).scalar_one())


def steps_per_incident(engine: sa.Engine) -> Counter[int]:
    """How many incidents had how many steps."""
    with engine.connect() as connection:
        found = connection.execute(sa.select(event.c.incident_id).where(event.c.kind == "step")).scalars()
        return Counter(Counter(found).values())


def run_fleet(
    engine: sa.Engine, folder: Path, *, replicas: int, timers: int, over_s: float, kill_every_s: float, within_s: float
) -> tuple[int, list[dict[str, Any]]]:
    """Let the replicas execute all timers; return how many were killed and what the provider received.

    Prints how long it took: a figure of the machine and of what else it does, so none that a test can hold.
    """
    kills, killed_at = 0, time.monotonic()
    with Sink() as sink, ExitStack() as processes:
        config = write_config(folder, sink.url, database=server_of(engine))
        config.write_text(config.read_text().replace("lease: 2s", "lease: 12s").replace("timeout: 1s", "timeout: 10s"))
        with_people(config, people(timers))
        fleet = Fleet(config, processes)
        for _ in range(replicas):
            fleet.add()
        assert all(each.await_ready() for each in fleet.engines)
        began = add_timers(engine, timers, over_s=over_s)
        until = time.monotonic() + within_s
        while executed(engine) < timers:
            assert time.monotonic() < until, f"{executed(engine)} of {timers} after {within_s} s"
            if kill_every_s and time.monotonic() - killed_at >= kill_every_s:
                fleet.kill_one_and_replace_it()
                kills, killed_at = kills + 1, time.monotonic()
            time.sleep(0.1)
        took_s = last_sent_at(engine) - began
        figure = f"{timers} timers due within {over_s:.0f} s, {replicas} replicas, {kills} kills: {took_s:.1f} s"
        print(figure)  # noqa: T201  # what the test is asked for; pytest shows it with -rP
        return kills, list(sink.received)


def server_of(engine: sa.Engine) -> str:
    url = engine.url
    return f"{{postgresql: {{host: {url.host}, port: {url.port}, database: {url.database}, user: {url.username}}}}}"


def check_each_once(engine: sa.Engine, timers: int, kills: int, pages: list[dict[str, Any]]) -> None:
    """Each step once, whatever happened; a page repeats only where a process died, and says so."""
    assert steps_per_incident(engine) == {1: timers}
    times = Counter(page["id"] for page in pages)
    assert len(times) == timers
    repeats = [page for page in pages if page["possible_duplicate"]]
    assert len(pages) - timers <= len(repeats) <= kills * SENDERS


SENDERS = 8  # messages that one process can have on their way when it dies


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("replicas_number", "timers"), [(2, 1000), (4, 200)])
def test_skewed_replicas_execute_each_timer_once(
    postgres_engine: sa.Engine, tmp_path: Path, replicas_number: int, timers: int
) -> None:
    kills, pages = run_fleet(
        postgres_engine, tmp_path, replicas=replicas_number, timers=timers, over_s=3.0, kill_every_s=0, within_s=150
    )
    check_each_once(postgres_engine, timers, kills, pages)


@pytest.mark.timeout(180)
def test_replicas_that_are_killed_lose_no_timer(postgres_engine: sa.Engine, tmp_path: Path) -> None:
    kills, pages = run_fleet(
        postgres_engine, tmp_path, replicas=2, timers=400, over_s=4.0, kill_every_s=1.5, within_s=150
    )
    assert kills
    check_each_once(postgres_engine, 400, kills, pages)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kill_every_s", [0.0, 5.0])
@pytest.mark.parametrize("replicas_number", [2, 4])
def test_ten_thousand_timers_due_in_a_minute(
    postgres_engine: sa.Engine, tmp_path: Path, replicas_number: int, kill_every_s: float
) -> None:
    kills, pages = run_fleet(
        postgres_engine,
        tmp_path,
        replicas=replicas_number,
        timers=10_000,
        over_s=60.0,
        kill_every_s=kill_every_s,
        within_s=500,
    )
    assert bool(kills) == bool(kill_every_s)
    check_each_once(postgres_engine, 10_000, kills, pages)
