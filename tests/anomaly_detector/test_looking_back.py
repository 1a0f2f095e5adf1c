"""Backtest, explain and feedback as people run them, on a real Prometheus with a past."""

import argparse
import html
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from anomaly_detector.cli import COMMAND
from anomaly_detector.feedback.record import Feedback
from anomaly_detector.feedback.verdicts import Entry
from heronwatch.config import load
from tests.anomaly_detector.test_cli import page, serving, status
from tests.fakes.daemons import Daemon, wait_until
from tests.fakes.detector_plans import NOWHERE
from tests.fakes.traffic import backfilled_prometheus

STEP_S, DAY_S = 300, 86_400
ODD = r'a "quoted" $1 \ back'  # a label that PromQL, label_replace and JSON each want written in their own way


def past(end_s: int) -> str:
    """OpenMetrics text: six days of three gauges of two devices, one of which jumps for two hours at the end."""
    rows = ["# TYPE power_watts unknown"]
    for place, (device, part) in enumerate((("sw1", ODD), ("sw1", "b"), ("sw2", "a"))):
        labels = f'instance="{device}",part={json.dumps(part)}'
        for number in range(6 * DAY_S // STEP_S, -1, -1):
            time_s = end_s - number * STEP_S
            value = 100 + 10 * math.sin(-number * STEP_S / DAY_S * 2 * math.pi) + math.sin(number * 7.7 + place)
            value += 80 if not place and time_s > end_s - 7200 else 0
            rows.append(f"power_watts{{{labels}}} {value:.3f} {time_s}")
    rows.append("# TYPE anomaly_score unknown")
    for device, part, score in (("sw1", ODD, 2.5), ("sw2", "a", 0.25)):
        labels = f'for="power",instance="{device}",model_alias="m",part={json.dumps(part)}'
        rows += [f"anomaly_score{{{labels}}} {score} {end_s - halves * 1800}" for halves in (16, 1)]
    rows.append("# TYPE anomaly_group_score unknown")
    rows.append(f'anomaly_group_score{{for="power",instance="sw2",model_alias="m"}} 1.5 {end_s - 8 * 3600}')
    return "\n".join([*rows, "# EOF", ""])


@dataclass
class Place:
    """A Prometheus with a past, a configuration that reads it, and where the past ends."""

    store: Daemon
    folder: Path
    end_s: int

    def run(self, *arguments: str) -> int:
        return command(self.folder, *arguments)


def command(folder: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    COMMAND.add_arguments(parser)
    return COMMAND.run(parser.parse_args([*arguments, "--config.file", str(folder / "detector.yml")]))


def written(folder: Path, url: str) -> None:
    (folder / "detector.yml").write_text(
        f"reader: {{datasource_url: '{url}', queries: {{power: {{expr: power_watts  # a comment\n, step: 5m}}}}}}\n"
        "models: {m: {class: bank, fit_window: 4d, warmup: 6h}}\n"
        "groups: {history: 0s}\n"  # two devices are too few to be known
        f"settings: {{state_dir: '{folder / 'state'}'}}\n"
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("looking_back")
    end_s = int(time.time()) // STEP_S * STEP_S - STEP_S
    with backfilled_prometheus(folder, "global: {}\n", past(end_s)) as store:
        written(folder, store.url)
        yield Place(store, folder, end_s)


def test_a_series_is_explained(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    series = f'power{{instance="sw1", part={json.dumps(ODD)}}}'
    assert place.run("explain", series, "--at", str(place.end_s), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["said"][0]["score"] > 1
    assert told["agreeing"] == {"above": 1, "series": 2}
    assert place.run("explain", 'power_watts{part="b"}', "--at", str(place.end_s)) == 0
    assert "(usual) by m (bank)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("series", "status", "words"),
    [
        ('power{instance="sw1"}', 1, "several series are meant"),
        ("nothing", 1, "'nothing' is neither an alias nor a metric of this configuration"),
        ("{", 2, "not a series"),
    ],
)
def test_what_cannot_be_explained_is_said(
    place: Place, series: str, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run("explain", series) == status
    assert words in capsys.readouterr().err


def test_a_level_is_accepted_and_taken_back(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, place.store.url)
    series = f'power{{instance="sw1", part={json.dumps(ODD)}}}'

    def said(*words: str) -> dict[str, Any]:
        assert command(tmp_path, *words, "--json") == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    def score() -> float:
        return float(said("explain", series, "--at", str(place.end_s))["said"][0]["score"])

    before = score()
    assert before > 1
    accepted = said("feedback", "accept", series, "--since", str(place.end_s - 7200 + STEP_S))
    assert accepted["effect"] == "accepted"
    assert score() < min(1, before / 2)
    assert command(tmp_path, "feedback", "list") == 0
    assert "its level is normal since" in capsys.readouterr().out
    said("feedback", "undo", accepted["id"])
    assert score() > 1
    for since, words in (("tomorrow", "not a time"), (str(time.time() + 3600), "ahead")):
        assert command(tmp_path, "feedback", "accept", series, "--since", since) == 1
        assert words in capsys.readouterr().err


def test_what_an_alarm_was_is_said(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, place.store.url)
    series, begin = f'power{{instance="sw1", part={json.dumps(ODD)}}}', str(place.end_s - 7200)
    kept = {}
    for words in (
        ("false-alarm", series, "--at", str(place.end_s)),
        ("incident", series, "--since", begin, "--until", str(place.end_s)),
        ("expected", series, "--since", begin),
    ):
        assert command(tmp_path, "feedback", *words, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        kept[told["id"]] = told["effect"]
    assert list(kept.values()) == ["raised", "not_learnt", "not_learnt"]
    assert command(tmp_path, "feedback", "list", "--json") == 0
    listed = {one["id"]: one for one in json.loads(capsys.readouterr().out)}
    assert set(listed) == set(kept)
    labels = {"for": "power", "instance": "sw1", "part": ODD}
    assert [one["labels"] for one in listed.values()] == [labels] * 3
    assert command(tmp_path, "explain", series, "--at", str(place.end_s)) == 0
    text = capsys.readouterr().out
    assert "threshold    raised by 20% by people" in text
    for wrong, said in (
        (("incident", series, "--since", "1h", "--until", "2h"), "--until is before --since"),
        (("false-alarm", series, "--at", str(time.time() + 3600)), "--at is ahead"),
    ):
        assert command(tmp_path, "feedback", *wrong) == 1
        assert said in capsys.readouterr().err


def test_what_did_not_alarm_is_no_false_alarm_unless_forced(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, place.store.url)
    words = ("feedback", "false-alarm", 'power{instance="sw2"}', "--at", str(place.end_s))
    assert command(tmp_path, *words) == 1
    error = capsys.readouterr().err
    assert 'power{instance="sw2", part="a"} scored 0.25 at the most in the hour before ' in error
    assert "nothing was kept" in error
    assert not (tmp_path / "state").exists()
    device = ("feedback", "false-alarm", 'power{instance="sw2"}', "--at", str(place.end_s - 8 * 3600 + 60))
    assert command(tmp_path, *device) == 0  # none of its series was above 1 then, but the device was
    assert command(tmp_path, *words, "--force") == 0
    assert "is raised by 20%" in capsys.readouterr().out
    unknown = ("feedback", "false-alarm", 'power{part="b"}', "--at", str(place.end_s))
    assert command(tmp_path, *unknown) == 0  # the server has no score of it


def test_history_is_tested(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    out = place.folder / "report.html"
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(place.end_s))
    assert place.run("backtest", "--from", "1d", "--to", end, "--out", str(out), "--workers", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["series"], told["hosts"], told["alarms"]) == (3, 2, 1)
    assert html.escape(json.dumps(ODD)) in out.read_text()


def test_the_service_takes_verdicts_and_explains(place: Place, tmp_path: Path) -> None:
    text = (place.folder / "detector.yml").read_text().replace(str(place.folder / "state"), str(tmp_path / "state"))
    token = "a token that nobody guesses"
    with serving(tmp_path, f"{text}feedback: {{bearer_token: {token}}}\n") as daemon:
        wait_until(lambda: 'heronwatch_detector_series{query="power"} 3.0' in page(daemon, "/metrics"), 30, "series")
        verdict = {"labels": {"for": "power", "instance": "sw2", "part": "a"}, "verdict": "false_alarm"}
        body = json.dumps(verdict | {"start": place.end_s - 60, "end": place.end_s}).encode()
        assert status(daemon, "/api/v1/feedback")[0] == 401
        head = {"Authorization": f"Bearer {token}"}
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(f"{daemon.url}/api/v1/feedback", body, head, method="POST"), timeout=10)
        with refused.value as answer:
            assert answer.status == 409
            error = json.loads(answer.read())["error"]
        assert error.startswith('power{instance="sw2", part="a"} scored 0.25 at the most from ')
        body = json.dumps({**json.loads(body), "force": True}).encode()
        with urlopen(Request(f"{daemon.url}/api/v1/feedback", body, head, method="POST"), timeout=10) as answer:
            assert json.loads(answer.read())["effect"] == "raised"
        force = 'heronwatch_detector_feedback_in_force{verdict="false_alarm"} 1.0'
        assert force in page(daemon, "/metrics")
        asked = urlencode({"series": 'power{instance="sw2"}', "at": place.end_s, "format": "text"})
        assert "threshold    raised by 20% by people" in page(daemon, f"/api/v1/explain?{asked}")
        assert token not in page(daemon, "/config")


def said(folder: Path, identities: Sequence[str]) -> None:
    config = load([folder / "detector.yml"], _config()).value
    for identity in identities:
        now = time.time()
        labels = {"for": "power", "instance": identity}
        feedback = Feedback(config, now=time.time)
        feedback.add(
            Entry(id=identity, at=now, verdict="false_alarm", labels=labels, start=now - 60, end=now, who="ana")
        )


def _config() -> type:
    from anomaly_detector.config import Config

    return Config


def test_verdicts_are_listed_and_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, NOWHERE)
    assert command(tmp_path, "feedback", "list") == 0
    assert capsys.readouterr().out == "no verdict\n"
    said(tmp_path, ["sw1", "sw2"])
    assert command(tmp_path, "feedback", "undo", "sw1") == 0
    assert command(tmp_path, "feedback", "undo", "sw1") == 1
    assert "taken back before" in capsys.readouterr().err
    assert command(tmp_path, "feedback", "list", "--json") == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == ["sw2"]
    assert command(tmp_path, "feedback", "list", "--all") == 0
    text = capsys.readouterr().out
    assert "false_alarm by ana: no longer counts" in text
    assert "false_alarm by ana: threshold raised by 20% until" in text
    assert 'power{instance="sw2"}' in text
