"""Verdicts of one installation: kept, in force, taken back, listed once a week, whatever happens to the file."""

import logging
from pathlib import Path

import pytest

from anomaly_detector.config import Config
from anomaly_detector.feedback import record as module
from anomaly_detector.feedback.record import Feedback, RefusedError
from anomaly_detector.feedback.verdicts import Entry, Verdict
from heronwatch.logs import FIELDS
from tests.fakes.clock import FakeClock
from tests.fakes.detector_plans import NOWHERE, config

DAY_S = 86_400.0


def the_config(state_dir: Path | None, *, query: str = "expr: up") -> Config:
    settings = f"{{state_dir: '{state_dir}'}}" if state_dir else "{}"
    return config(f"reader: {{datasource_url: '{NOWHERE}', queries: {{q: {{{query}}}}}}}\nsettings: {settings}\n")


class Desk:
    """A Feedback and its clock."""

    def __init__(self, state_dir: Path | None) -> None:
        self.clock = FakeClock()
        self.feedback = Feedback(the_config(state_dir), now=self.clock.now)

    def say(self, identity: str, verdict: Verdict = "false_alarm") -> None:
        now = self.clock.now()
        labels = {"for": "q", "instance": identity}
        entry = Entry(id=identity, at=now, verdict=verdict, labels=labels, start=now - 60, end=now)
        self.feedback.add(entry)

    def raised(self) -> list[str]:
        return [entry.id for entry in self.feedback.marks().raises]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def listings(caplog: pytest.LogCaptureFixture) -> list[str]:
    events = (getattr(record, FIELDS, {}) for record in caplog.records)
    return [str(event["raised"]) for event in events if "raised" in event]


def test_a_verdict_is_in_force_until_it_is_taken_back(desk: Desk) -> None:
    desk.say("1")
    assert desk.raised() == ["1"]
    desk.feedback.undo("1", who="ana")
    assert desk.raised() == []
    assert [(entry.id, counts) for entry, counts in desk.feedback.entries()] == [("1", False)]


def test_marks_change_their_version_only_when_they_change(desk: Desk) -> None:
    desk.say("1")
    before = desk.feedback.marks()
    assert desk.feedback.marks() is before
    desk.clock.advance(30 * DAY_S)
    assert desk.feedback.marks().version > before.version
    assert desk.raised() == []


def test_what_another_process_says_counts(desk: Desk, tmp_path: Path) -> None:
    desk.say("1")
    assert desk.raised() == ["1"]
    Desk(tmp_path).feedback.undo("1", who="")
    assert desk.raised() == []


def test_what_another_process_says_is_logged_once(desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    desk.say("1")
    desk.feedback.marks()
    other = Desk(tmp_path)
    with caplog.at_level(logging.INFO):
        desk.say("2")
        desk.feedback.marks()  # its own are told when they are said
        other.say("3", "expected")
        other.feedback.undo("1", who="")
        for _ in range(2):
            desk.feedback.marks()
    read = [getattr(record, FIELDS) for record in caplog.records if record.message == "feedback read"]
    assert read == [{"new": 1, "said": ['3 expected q{instance="3"}'], "taken_back": ["1"]}]


def test_a_restart_forgets_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.say("1")
    desk.say("2", "incident")
    again = Desk(tmp_path).feedback.marks()
    assert ([one.id for one in again.raises], [one.id for one in again.spans]) == (["1"], ["2"])


@pytest.mark.parametrize(("identity", "status"), [("none", 404), ("1", 409)])
def test_what_cannot_be_taken_back_says_why(desk: Desk, identity: str, status: int) -> None:
    desk.say("1")
    desk.feedback.undo("1", who="")
    with pytest.raises(RefusedError) as refused:
        desk.feedback.undo(identity, who="")
    assert refused.value.status == status


def test_there_is_a_limit_to_false_alarms(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RAISES", 2)
    desk.say("1")
    desk.say("2")
    with pytest.raises(RefusedError, match="tune the query instead"):
        desk.say("3")
    desk.say("4", "incident")


def test_without_a_state_folder_nothing_is_kept() -> None:
    desk = Desk(None)
    assert desk.raised() == []
    with pytest.raises(RefusedError, match="state_dir"):
        desk.say("1")


def test_raised_thresholds_are_listed_every_week(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk.say("1")
    for _ in range(15 * 24):
        desk.clock.advance(3600)
        desk.feedback.marks()
    assert len(listings(caplog)) == 2
    assert 'q{instance="1"}' in listings(caplog)[0]


def test_a_restart_does_not_list_again(desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk.say("1")
    desk.clock.advance(8 * DAY_S)
    desk.feedback.marks()
    again = Desk(tmp_path)
    again.clock.advance(desk.clock.now() - again.clock.now() + 60)
    again.feedback.marks()
    assert len(listings(caplog)) == 1


def test_a_journal_that_cannot_be_read_leaves_in_force_what_was(desk: Desk, tmp_path: Path) -> None:
    desk.say("1")
    assert desk.raised() == ["1"]
    path = tmp_path / "feedback.jsonl"
    path.rename(tmp_path / "away")
    path.mkdir()
    assert desk.raised() == ["1"]
    path.rmdir()
    (tmp_path / "away").rename(path)
    assert desk.raised() == ["1"]


def test_a_reload_may_move_the_journal(desk: Desk, tmp_path: Path) -> None:
    desk.say("1")
    assert desk.raised() == ["1"]
    desk.feedback.use(the_config(tmp_path / "other"))
    assert desk.raised() == []
    desk.feedback.use(the_config(tmp_path, query="expr: up, protected: true"))
    assert desk.raised() == ["1"]
