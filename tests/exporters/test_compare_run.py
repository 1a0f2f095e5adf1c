"""Which questions a comparison asks, and what it makes of failures that come and go: two canned exporters."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from exporters.compare_run import Outcome, Side, SideUnreachableError, compared
from exporters.compare_targets import Asked
from exporters.control import Login

Answers = list[tuple[int, str]]


@contextmanager
def canned(answers: Answers) -> Iterator[tuple[Side, Answers]]:
    """An exporter that gives these answers in turn; also those that nobody has asked for yet."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = left.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Side("old", f"http://127.0.0.1:{server.server_port}", Login(), timeout_s=5.0), left
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def outcome_of(old: Answers, new: Answers, *, rounds: int = 3) -> Outcome:
    with canned(old) as (old_side, old_left), canned(new) as (new_side, new_left):
        (outcome,) = compared([Asked(target="a")], old_side, new_side, skip=lambda _: False, most_rounds=rounds)
        assert (old_left, new_left) == ([], [])
    return outcome


def counter(value: int) -> tuple[int, str]:
    return 200, f"# TYPE a counter\na {value}\n"


def test_equal_answers_are_asked_for_once() -> None:
    assert outcome_of([counter(1)], [counter(1)]).same


def test_counter_is_looked_at_once_more_by_the_old_one() -> None:
    assert outcome_of([counter(1), counter(3)], [counter(2)]).same


def test_difference_counts_after_as_many_rounds_as_wanted() -> None:
    outcome = outcome_of([counter(1)] * 4, [counter(2)] * 3)
    assert (outcome.same, outcome.rounds, len(outcome.differences)) == (False, 3, 1)


def test_reading_that_flickered_is_none() -> None:
    assert outcome_of([counter(1)] * 2, [counter(2), counter(1)]).same


def test_failure_that_passes_is_none() -> None:
    failure = (500, "busy")
    assert outcome_of([counter(1), counter(1)], [failure, counter(1)]).same
    assert outcome_of([failure, counter(1)], [counter(1), counter(1)]).same


def test_failure_that_stays_is_a_difference() -> None:
    outcome = outcome_of([counter(1)] * 4, [(500, "module m: timeout")] * 3)
    assert (outcome.same, outcome.new_failure) == (False, "500: module m: timeout")


def test_failure_on_both_sides_is_asked_for_once() -> None:
    outcome = outcome_of([(500, "x\n}}: cause of it\n")], [(400, "unknown")])
    assert (outcome.same, outcome.compared, outcome.old_failure) == (True, False, "500: cause of it")


def test_page_that_is_no_exposition_is_a_failure() -> None:
    assert outcome_of([(200, "<html>")], [(500, "x")]).old_failure == "200, but no metrics: line 1 is no sample"


def test_side_that_goes_away_ends_the_comparison() -> None:
    with canned([]) as (gone, _):
        pass
    with canned([counter(1)]) as (old, _), pytest.raises(SideUnreachableError):
        list(compared([Asked(target="a")], old, gone, skip=lambda _: False, most_rounds=1))
