"""The named places: each is passed by the code that it names."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_webhook import failpoints
from alert_webhook.store.migrating import migrate
from alert_webhook.store.opening import sqlite_engine
from benchmarks.webhook_crash import revisions
from benchmarks.webhook_crash_places import at_start
from tests.fakes.webhook_stack import Stack

PACKAGE = Path(failpoints.__file__).parent


def write_names() -> set[str]:
    """Every name that the package hands on, be it to `Store.write` or to what calls it."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                found |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    return found


def test_every_named_commit_is_made_somewhere() -> None:
    assert set(failpoints.WRITES) <= write_names()


def test_a_migration_passes_its_places_in_order(tmp_path: Path) -> None:
    passed: list[str] = []
    engine = sqlite_engine(tmp_path / "new.db")
    migrate(engine, failpoint=passed.append)
    engine.dispose()
    steps = [failpoints.migrated(each) for each in revisions()]
    ends = [failpoints.BEFORE_MIGRATE_COMMIT, failpoints.AFTER_MIGRATE_COMMIT]
    assert passed == [failpoints.BEFORE_MIGRATE, *steps, *ends]
    assert set(passed) == set(at_start(revisions()))


def test_a_migration_that_stops_midway_leaves_nothing(tmp_path: Path) -> None:
    fresh = sqlite_engine(tmp_path / "fresh.db")
    with pytest.raises(StoppedError):
        migrate(fresh, failpoint=stop_at(failpoints.migrated(revisions()[-1])))
    assert sa.inspect(fresh).get_table_names() == []
    fresh.dispose()


class StoppedError(Exception):
    """Stands for the end of the process."""


def stop_at(place: str) -> Callable[[str], None]:
    def stop(passed: str) -> None:
        if passed == place:
            raise StoppedError

    return stop


def test_a_page_passes_the_places_of_the_engine(stack: Stack) -> None:
    passed: list[str] = []
    stack.pass_place = passed.append
    stack.fire("LinkDown", severity="high")
    stack.phone("ana").expects("LinkDown")
    before_send, after_send = passed.index(failpoints.BEFORE_SEND), passed.index(failpoints.AFTER_SEND)
    assert passed.index(failpoints.BEFORE_REPLY) < passed.index(failpoints.TURN_BEGAN)
    assert passed.index(failpoints.BEFORE_SUBMIT) < before_send < after_send < passed.index(failpoints.TURN_ENDED)
