"""The chain over the timelines: what is sealed can be changed by nobody without it showing."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alert_webhook.administration import Terminal
from alert_webhook.audit_command import audit_verify
from alert_webhook.incidents.audit import Verdict, verify
from alert_webhook.incidents.audit_chain import Head
from alert_webhook.store import audit
from alert_webhook.store.migrating import migrate
from alert_webhook.store.opening import sqlite_engine
from alert_webhook.store.retention import prune
from heronwatch.commands import EXIT_FAULT, EXIT_OK, EXIT_USAGE
from tests.fakes.webhook_stack import Stack

DAY_S = 86_400.0


@pytest.fixture
def told(stack: Stack) -> Stack:
    """Two incidents with timelines, sealed."""
    stack.fire("A", severity="warning")
    stack.fire("B", severity="warning")
    stack.resolve("B", severity="warning", at=1)
    stack.settle()
    return stack


def verdict(stack: Stack, known: Head | None = None) -> Verdict:
    return stack.store.read(lambda tx: verify(tx, known=known))


def change(stack: Stack, statement: str, **values: Any) -> None:
    with stack.store.engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        connection.execute(sa.text(statement), values)


def test_what_happened_is_sealed_as_it_happens(told: Stack) -> None:
    found = verdict(told)
    assert (found.faults, found.first, found.head.seq) == ((), 1, 4)
    assert not told.store.read(audit.has_unsealed)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE event SET text = 'nothing began' WHERE seq = 2", "was changed"),
        ("UPDATE event SET who = 'ben' WHERE seq = 3", "was changed"),
        ("UPDATE event SET at = at + 1 WHERE seq = 1", "was changed"),
        ("DELETE FROM event WHERE seq = 4", "is missing"),
        ("DELETE FROM audit_link WHERE seq = 2", "links 2 to 2 are missing"),
        ("DELETE FROM audit_link WHERE seq = 4", "the chain does not end at its head"),
        ("UPDATE audit_link SET content = hash WHERE seq = 2", "link 2 does not hold"),
        ("UPDATE audit_head SET seq = 3", "the chain does not end at its head"),
        ("UPDATE event SET seq = 99 WHERE seq = 4", "claims a place that the chain does not have"),
    ],
)
def test_a_change_afterwards_shows(told: Stack, statement: str, fault: str) -> None:
    change(told, statement)
    assert fault in "; ".join(verdict(told).faults)


def test_an_event_that_was_never_sealed_shows(told: Stack) -> None:
    change(told, "UPDATE event SET seq = NULL WHERE seq = 4")
    told.clock.advance(DAY_S)
    assert "1 event(s) older than 10 minutes are not part of the chain" in verdict(told).faults


def test_a_chain_that_was_made_anew_does_not_hold_the_head_of_the_log(told: Stack) -> None:
    logged = verdict(told).head
    assert verdict(told, logged).faults == ()
    change(told, "UPDATE event SET text = 'nothing began' WHERE seq = 2")
    for table in ("audit_link", "audit_head"):
        change(told, f"DELETE FROM {table}")
    change(told, "UPDATE event SET seq = NULL")
    told.store.write(audit.seal, "test")
    assert verdict(told).faults == ()
    assert verdict(told, logged).faults == ("the chain does not hold the head that was logged, link 4",)


def test_what_retention_forgets_leaves_a_chain_that_holds(told: Stack) -> None:
    told.clock.advance(91 * DAY_S)
    for _ in range(3):
        told.store.write(lambda tx: prune(tx, tx.now - 90 * DAY_S), "test")
    found = verdict(told)
    assert (found.faults, found.head.seq) == ((), 5)
    told.fire("C", severity="warning")
    assert verdict(told).faults == ()


def test_an_incident_deleted_by_hand_is_not_forgotten(told: Stack) -> None:
    change(told, "DELETE FROM event WHERE incident_id = (SELECT max(id) FROM incident)")
    assert "is missing" in "; ".join(verdict(told).faults)


def test_links_go_once_their_events_are_long_gone(told: Stack) -> None:
    change(told, "UPDATE incident SET state = 'resolved'")
    told.clock.advance(91 * DAY_S)
    told.store.write(lambda tx: prune(tx, tx.now - 90 * DAY_S), "test")
    told.clock.advance(91 * DAY_S)
    told.fire("C", severity="warning")
    told.store.write(lambda tx: audit.trim(tx, tx.now - 90 * DAY_S), "test")
    found = verdict(told)
    assert (found.faults, found.first, found.head.seq) == ((), 7, 7)


def test_the_command_says_what_it_found(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "webhook.db")
    migrate(engine)
    said, warned = _command(tmp_path, "")
    assert (said[0].startswith("ok: 0 link(s), head 0:"), warned) == (True, [])
    with engine.connect().execution_options(heronwatch_writer=True) as connection, connection.begin():
        connection.execute(sa.text("INSERT INTO audit_head VALUES (1, 7, 'x')"))
    engine.dispose()
    assert _command(tmp_path, "", expected=EXIT_FAULT)[1] == ["the chain does not end at its head, link 7"]
    assert _command(tmp_path, "7", expected=EXIT_USAGE)[1] == [
        "--head is written SEQ:HASH, as the log has it in `head`"
    ]


def _command(folder: Path, logged: str, *, expected: int = EXIT_OK) -> tuple[list[str], list[str]]:
    file = folder / "webhook.yml"
    file.write_text(CONFIG.format(folder=folder))
    said: list[str] = []
    warned: list[str] = []
    assert audit_verify([str(file)], logged, Terminal(said.append, warned.append)) == expected
    return said, warned


CONFIG = """
version: 1
database: {{sqlite: {folder}/webhook.db}}
integrations: {{main: {{tokens: [0123456789abcdef0123], policy: default}}}}
people: {{ana: {{contacts: [{{channel: hook}}]}}}}
policies: {{default: {{steps: [{{notify: [ana]}}]}}}}
channels: {{hook: {{type: webhook, url: "https://hooks.example.org/x"}}}}
"""
