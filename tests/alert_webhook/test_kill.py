"""kill -9 of the real process, a small run of the crash benchmark; and that this would notice what it looks for."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from benchmarks.webhook_crash import figures, revisions, run
from benchmarks.webhook_crash_ledger import Notice, verdict
from benchmarks.webhook_crash_places import INSIDE, OUTSIDE, at_start, rounds


@pytest.mark.timeout(120)
def test_kills_lose_nothing_and_every_repeat_says_so(tmp_path: Path) -> None:
    found = figures(run("sqlite", 9, 1, tmp_path))
    assert (found["lost"], found["unexplained_pages"], found["pages_above_due_and_kills"]) == (0, 0, 0)
    assert found["kills"] == 9
    assert found["pages"] >= found["due"] > 0


def test_there_are_25_places_and_each_has_its_turn() -> None:
    every = {*at_start(revisions()), *INSIDE, *OUTSIDE}
    assert len(every) >= 25
    planned = set(itertools.chain.from_iterable(rounds(60, revisions(), seed=3)))
    assert planned == every


def page(identifier: str, *, repeat: bool = False) -> dict[str, Any]:
    return {"id": identifier, "possible_duplicate": repeat}


SENT = Notice("a", "sent", attempts=1, lost=0)
RESENT = Notice("a", "sent", attempts=2, lost=1)
CASES = [  # (messages owed, messages sent, number of lost, number of unexplained)
    ([SENT], [page("a")], 0, 0),
    ([SENT], [], 1, 0),
    ([SENT], [page("a"), page("a", repeat=True)], 0, 1),
    ([RESENT], [page("a"), page("a", repeat=True)], 0, 0),
    ([RESENT], [page("a"), page("a")], 0, 1),
    ([RESENT], [page("a"), page("a", repeat=True), page("a", repeat=True)], 0, 1),
    ([], [page("a")], 0, 1),
    ([Notice("a", "cancelled", attempts=0, lost=0)], [], 0, 0),
    ([Notice("a", "failed", attempts=2, lost=0)], [], 1, 0),
]


@pytest.mark.parametrize(("owed", "sent", "lost", "unexplained"), CASES)
def test_what_is_wrong_is_noticed(owed: list[Notice], sent: list[dict[str, Any]], lost: int, unexplained: int) -> None:
    found = verdict(set(), set(), owed, sent)
    assert (len(found.lost), len(found.unexplained)) == (lost, unexplained)


def test_an_answered_alert_that_is_missing_is_lost() -> None:
    assert verdict({"Up", "Down"}, {"Up"}, [], []).lost == ("alert Down",)
