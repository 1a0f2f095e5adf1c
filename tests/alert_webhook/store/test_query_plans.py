"""What people and scrapes wait for reads by indexes, and says as much of ten alerts as of a thousand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from alert_webhook.answer_gauges import AnswerGauges
from alert_webhook.incidents import actions
from alert_webhook.incidents.transitions import OPEN, State
from alert_webhook.meters import StoreGauges
from alert_webhook.store import incidents, links, views, watching
from alert_webhook.store.answer_times import answer_times
from alert_webhook.store.counts import counts
from alert_webhook.store.links import AckLink
from alert_webhook.store.together import together
from alert_webhook.web.listing import sections
from benchmarks.open_alerts import Open, code_of, fill
from tests.fakes.webhook_stack import Stack

LINK = AckLink(incident_id=7, person="ana", contact="sms", expired=False, revoked=False)
SIZE = Open(alone=300, together=200)
one_database = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@contextmanager
def listening(engine: sa.Engine) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is executed meanwhile, with its values."""
    heard: list[tuple[str, Any]] = []

    def hear(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        heard.append((statement, values))

    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)


def scans(engine: sa.Engine, statement: str, values: Any) -> list[str]:
    """Where SQLite would read a whole table for a statement."""
    one = values[0] if isinstance(values, list) else values
    with engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", one)]
    return [line for line in plan if line.startswith("SCAN") and " USING " not in line and line not in HARMLESS]


HARMLESS = {"SCAN CONSTANT ROW"}
ASKED: dict[str, Callable[[Stack], object]] = {
    "an acknowledgement": lambda stack: actions.acknowledge(stack.parts, 7, who="ana", via="test"),
    "an end": lambda stack: actions.resolve(stack.parts, 7, who="ana", via="test"),
    "one incident": lambda stack: stack.store.read(
        lambda tx: [views.incident_view(tx, found) for code in ("B7",) if (found := incidents.find(tx, code))]
    ),
    "its timeline": lambda stack: stack.store.read(lambda tx: incidents.timeline(tx, 7)),
    "the list": lambda stack: stack.store.read(lambda tx: sections(tx, stack.settings, "", None)),
    "a page of the list": lambda stack: stack.store.read(
        lambda tx: views.incident_list(tx, states=OPEN, limit=200, before_id=150)
    ),
    "the whole list": lambda stack: stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State))),
    "the counts of /metrics": lambda stack: stack.store.read(counts),
    "the times of /metrics": lambda stack: stack.store.read(answer_times),
    "a link": lambda stack: stack.store.read(lambda tx: links.find(tx, "A" * 22)),
    "what its message told of besides": lambda stack: stack.store.read(lambda tx: together(tx, LINK, 6)),
}


@one_database
@pytest.mark.parametrize("name", ASKED)
def test_reads_by_an_index(stack: Stack, name: str) -> None:
    stack.store.write(lambda tx: fill(tx, SIZE), "test")
    engine = stack.store.engine
    with listening(engine) as heard:
        ASKED[name](stack)
    asked = [(s, v) for s, v in heard if s.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "INSERT"))]
    assert asked
    assert {statement: scans(engine, statement, values) for statement, values in asked} == {s: [] for s, _ in asked}


@one_database
def test_the_auditor_reads_no_whole_index_either(stack: Stack) -> None:
    stack.store.write(lambda tx: fill(tx, SIZE), "test")
    with listening(stack.store.engine) as heard:
        stack.store.read(watching.lateness)
    with stack.store.engine.connect() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {s}", v).all() for s, v in heard if "SELECT" in s]
    assert len(plans) == 4
    assert {row[3].partition(" ")[0] for plan in plans for row in plan} == {"SEARCH"}


@one_database
def test_a_whole_table_would_be_noticed(stack: Stack) -> None:
    assert scans(stack.store.engine, "SELECT * FROM alert WHERE name = ?", ("x",)) == ["SCAN alert"]


def test_the_large_incident_shows_its_worst_alerts_and_counts_all(stack: Stack) -> None:
    stack.store.write(lambda tx: fill(tx, SIZE), "test")
    subject = stack.store.read(lambda tx: incidents.find(tx, code_of(SIZE.incidents)))
    assert subject is not None
    view = stack.store.read(lambda tx: views.incident_view(tx, subject))
    assert (view.firing, view.total, len(view.alerts)) == (200, 200, views.SHOWN_ALERTS)
    assert [each.labels["instance"] for each in view.alerts] == [f"sw{n}" for n in range(301, 321)]


@one_database
def test_the_metrics_do_not_grow_with_the_alerts(stack: Stack) -> None:
    for collector in (StoreGauges(stack.store), AnswerGauges(stack.store, lambda: stack.settings)):
        stack.registry.register(collector)

    def series() -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        found = [sample for family in stack.registry.collect() for sample in family.samples]
        return {(sample.name, tuple(sorted(sample.labels.items()))) for sample in found}

    before = series()
    stack.store.write(lambda tx: fill(tx, SIZE), "test")
    assert series() == before
