"""Endings that are written down together, and one that cannot be written."""

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import exc

from alert_webhook.delivery import recording
from alert_webhook.delivery.channel import Receipt
from alert_webhook.delivery.following import Ended
from alert_webhook.delivery.recording import Recorder
from alert_webhook.errors import StoreUnavailableError
from tests.alert_webhook.delivery.test_owed import owed


def ended(owner: str) -> Ended:
    return Ended(owed=owed(), outcome=Receipt(), owner=owner)


class Database:
    """Remembers what each commit held; refuses those that hold somebody of `bad`."""

    def __init__(self, *bad: str) -> None:
        self.commits: list[list[str]] = []
        self.entered, self.goes_on = threading.Event(), threading.Event()
        self._bad = bad
        self.refuses = True  # or it is away
        self.asked = 0

    def write(self, some: Sequence[Ended]) -> None:
        self.asked += 1
        self.entered.set()
        assert self.goes_on.wait(10)
        if any(each.owner in self._bad for each in some):
            raise StoreUnavailableError("no") from (exc.DataError("", None, ValueError()) if self.refuses else None)
        self.commits.append(sorted(each.owner for each in some))


def record_all(database: Database, *owners: str) -> dict[str, str]:
    """Record the first; the others end while its commit is under way. Return who got an error."""
    recorder, errors = Recorder(database.write), dict[str, str]()

    def work(owner: str) -> None:
        try:
            recorder.record(ended(owner))
        except StoreUnavailableError as error:
            errors[owner] = str(error)

    threads = [threading.Thread(target=work, args=(owner,)) for owner in owners]
    threads[0].start()
    assert database.entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(recorder._waiting) < len(owners) - 1:  # they have come, and wait
        threads[-1].join(0.005)
    database.goes_on.set()
    for thread in threads:
        thread.join(10)
    return errors


def test_what_ends_while_a_commit_is_under_way_shares_the_next() -> None:
    database = Database()
    assert record_all(database, "a", "b", "c", "d") == {}
    assert database.commits == [["a"], ["b", "c", "d"]]


def test_a_commit_waits_a_moment_for_what_is_about_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "GATHER_S", 10.0)
    database, others = Database(), [threading.Thread(target=lambda: recorder.record(ended("b")))]

    def under_way() -> int:
        while others:  # the second ends once the first waits for it
            others.pop().start()
        return 2

    recorder = Recorder(database.write, under_way=under_way)
    database.goes_on.set()
    recorder.record(ended("a"))
    assert database.commits == [["a", "b"]]


def test_what_never_ends_is_not_waited_for() -> None:
    database = Database()
    database.goes_on.set()
    Recorder(database.write, under_way=lambda: 2).record(ended("a"))
    assert database.commits == [["a"]]


def test_one_that_cannot_be_written_costs_no_other() -> None:
    database = Database("c")
    assert record_all(database, "a", "b", "c", "d") == {"c": "no"}
    assert sorted(database.commits) == [["a"], ["b"], ["d"]]


def test_a_database_that_is_away_is_not_asked_for_each_of_them() -> None:
    database = Database("b", "c", "d")
    database.refuses = False
    assert record_all(database, "a", "b", "c", "d") == {"b": "no", "c": "no", "d": "no"}
    assert database.asked == 2


def test_an_error_is_raised_where_it_belongs() -> None:
    database = Database("a")
    database.goes_on.set()
    with pytest.raises(StoreUnavailableError):
        Recorder(database.write).record(ended("a"))
