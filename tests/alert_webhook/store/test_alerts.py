"""Alerts are read without locks: what changed meanwhile is noticed, what says nothing new is not written."""

import json
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.errors import LostRaceError
from alert_webhook.incidents.ingest import ingest, touch
from alert_webhook.incidents.rules import Rules, rules_for
from alert_webhook.incidents.transitions import State
from alert_webhook.intake import alertmanager
from alert_webhook.intake.update import Delivery
from alert_webhook.store import alerts, bulk, incidents, views
from alert_webhook.store.database import Transaction
from alert_webhook.store.opening import open_store
from alert_webhook.store.schema import alert, alert_group, episode
from alert_webhook.store.schema_accounts import change
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_stack import Stack


def row(stack: Stack) -> Any:
    return stack.store.read(lambda tx: tx.execute(sa.select(alert)).one())


def fires(stack: Stack, **more: Any) -> None:
    assert stack.post(stack.alert("A", "warning", 0, None, {}, **more)).status == 200


def test_the_same_again_writes_nothing_for_a_minute(stack: Stack) -> None:
    first = stack.alert("A", "warning", 0, None, {})
    stack.post(first)
    before = row(stack)
    stack.clock.advance(59)
    stack.post(first)
    assert row(stack) == before
    stack.clock.advance(1)
    stack.post(first)
    assert row(stack).last_seen_at == stack.clock.now()


def test_other_annotations_are_written_at_once(stack: Stack) -> None:
    fires(stack)
    fires(stack, annotations={"summary": "another value"})
    assert row(stack).annotations == '{"summary":"another value"}'


def said(stack: Stack, starts: float, text: str = "") -> Delivery:
    alert_ = stack.alert("A", "warning", starts, None, {}, annotations={"summary": text})
    (delivery,) = alertmanager.decode(json.dumps({"version": "4", "alerts": [alert_]}).encode())
    return delivery


def rules(stack: Stack) -> Rules:
    return rules_for(stack.settings, "am", stack.settings.integrations["am"])


def test_two_transactions_that_change_one_alert_both_count(postgres_engine: sa.Engine, clock: FakeClock) -> None:
    """Whichever comes second finds the alert changed, runs again with locks, and adds what it knows."""
    stack = Stack(open_store(postgres_engine, clock, time=lambda _: clock.now()), clock)
    fires(stack)
    meet = threading.Barrier(2, timeout=10)

    def change(text: str, at: float) -> None:
        delivery = said(stack, at, text)

        def work(tx: Transaction) -> None:
            if not tx.again:
                meet.wait()
            ingest(tx, delivery, rules(stack), stack.random)

        stack.store.write(work, "test")

    threads = [threading.Thread(target=change, args=pair) for pair in (("one", -30.0), ("two", -60.0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert row(stack).starts_ns.count(",") == 2


def test_an_alert_changed_meanwhile_is_a_lost_race(stack: Stack) -> None:
    fires(stack)
    name = row(stack).fingerprint

    def work(tx: Transaction) -> None:
        known = alerts.find(tx, "am", [name])
        tx.execute(alert.update().values(starts_ns="[5]"))
        touched = touch(known, said(stack, -9).updates, rules(stack), tx.now)
        alerts.save(tx, "am", touched, {name: known[name].incident_id})

    with stack.store.engine.connect() as connection, pytest.raises(LostRaceError):
        work(Transaction(connection.execution_options(heronwatch_writer=True), stack.clock.now()))


def test_rows_of_many_types_go_in_and_are_changed_in_one_statement(stack: Stack) -> None:
    fires(stack)
    id_ = row(stack).id

    class Began(Struct):
        alert_id: int
        starts_ns: int

    class Ended(Struct):
        alert_id: int
        was_starts_ns: int
        ended_ns: int

    def work(tx: Transaction) -> int:
        bulk.insert(tx, episode, [Began(id_, number) for number in range(1, 2001)])
        ends = [Ended(id_, number, number + 2**61) for number in range(1, 1501)]
        return bulk.update(tx, episode, ends, key=("alert_id", "was_starts_ns"), also="ended_ns IS NULL")

    assert stack.store.write(work, "test") == 1500
    ended = sa.select(sa.func.count()).where(episode.c.ended_ns > 2**61)
    assert stack.store.read(lambda tx: tx.execute(ended).scalar_one()) == 1500


def test_text_that_json_or_sql_could_misread_comes_back_as_it_was(stack: Stack) -> None:
    text = "a'b\"c\\d{e}%s:name\u202e\U0001f525\n</script>"
    labels = {"alertname": text, "severity": "warning"}
    assert stack.post({"status": "firing", "labels": labels, "annotations": {text: text}}).status == 200
    (incident,) = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    kept = stack.store.read(lambda tx: incidents.get(tx, incident.id))
    assert kept is not None
    shown = stack.store.read(lambda tx: views.incident_view(tx, kept))
    assert (shown.alerts[0].labels["alertname"], shown.alerts[0].annotations) == (text, {text: text})


ODD = ["", "null", "\\.", 'say "no"', "back\\slash", "ends in \\", '\\"', "],[ ]", "ü ☂ \u2028", "comma, tab"]


@pytest.mark.parametrize("more", [[], ["two\nlines\x7f\x01"]], ids=["by COPY", "by JSON"])
def test_many_rows_are_written_as_they_are(postgres_engine: sa.Engine, clock: FakeClock, more: list[str]) -> None:
    class Row(Struct):
        at: float
        who: str
        via: str
        action: str
        what: str

    texts = [*ODD, *more] * 6
    assert (bulk.csv_lines([(text,) for text in texts]) is None) == bool(more)
    rows = [Row(number + 0.1, text, f"{number}", "", "") for number, text in enumerate(texts)]
    store = open_store(postgres_engine, clock)
    ids = store.write(lambda tx: bulk.insert_returning_ids(tx, change, rows, "via"), "test")
    store.write(lambda tx: bulk.insert(tx, change, rows), "test")
    read = store.read(lambda tx: list(tx.execute(sa.select(change).order_by(change.c.id))))
    assert [(row.at, row.who) for row in read] == 2 * [(row.at, row.who) for row in rows]
    assert {row.via: row.id for row in read[: len(rows)]} == ids


def test_a_row_that_copy_refuses_is_tried_again_as_any_other(postgres_engine: sa.Engine, clock: FakeClock) -> None:
    class Group(Struct):
        integration: str
        name: str

    store, tries = open_store(postgres_engine, clock), list[bool]()

    def write(tx: Transaction) -> None:
        tries.append(tx.again)
        bulk.insert(tx, alert_group, [Group("am", f"{number % (60 if tx.again else 59)}") for number in range(60)])

    store.write(write, "test")
    assert tries == [False, True]
    assert store.read(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(alert_group)).scalar_one()) == 60
