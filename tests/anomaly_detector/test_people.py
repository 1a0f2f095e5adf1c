"""Feedback and explain over HTTP, as the webhook and people ask: who may, what is refused, what it changes."""

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from alert_webhook.delivery.channel import AlertView
from alert_webhook.web.blocks import DetectorBlock
from alert_webhook.web.false_alarms import verdict
from anomaly_detector.app import application
from anomaly_detector.errors import SourceUnavailableError
from anomaly_detector.explain.api import ExplainApi
from anomaly_detector.feedback.api import FeedbackApi
from anomaly_detector.feedback.effects import about
from anomaly_detector.feedback.metrics import FeedbackCollector
from anomaly_detector.feedback.record import Feedback
from anomaly_detector.feedback.verdicts import ACCEPTED, FALSE_ALARM, entry_of
from anomaly_detector.metrics import Status
from anomaly_detector.models.model import F64
from anomaly_detector.people import OWN_AUTH, with_people
from anomaly_detector.series_table import SeriesTable
from anomaly_detector.sink.series import Identity
from anomaly_detector.source.matrix import Matrix
from anomaly_detector.status.report import Report, report_of
from heronwatch.httpd_wsgi import Environ, StartResponse, WsgiApp, WsgiServer, common_pages
from heronwatch.site import SiteOptions
from heronwatch.telemetry import Telemetry
from heronwatch.values import HostPort, HttpUrl
from heronwatch.webconfig import WebConfigFile
from tests.anomaly_detector.explain.test_inquiry import Host
from tests.fakes.clock import FakeClock
from tests.fakes.detector_plans import NOWHERE, config
from tests.fakes.prom_api import FakePromApi

TOKEN = "a token that is long enough"
NOW_S = 1_800_000_000.0
SERIES = {"instance": "sw1", "n": "a", "site": "b"}
ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests" / "contracts" / "feedback.schema.json").read_text())


def text(state_dir: Path, *, token: bool = True, more: str = "") -> str:
    queries = "{cpu: {expr: x, step: 60s}, power: {expr: y, step: 60s, protected: true}}"
    feedback = f"feedback: {{bearer_token: {TOKEN}}}\n" if token else ""
    models = "models: {m: {class: bank, fit_window: 2d}}\n"
    return (
        f"reader: {{datasource_url: '{NOWHERE}', queries: {queries}}}\n{models}"
        f"settings: {{state_dir: '{state_dir}'}}\n{feedback}{more}"
    )


@dataclass
class Site:
    """A detector's web server; its queries know one series each."""

    port: int
    feedback: Feedback
    clock: FakeClock

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = TOKEN, headers: Mapping[str, str] = {}
    ) -> tuple[int, Any]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        fields = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
        client.request(method, path, sent, fields)
        answer = client.getresponse()
        content = answer.read()
        client.close()
        return answer.status, json.loads(content) if content.startswith((b"{", b"[")) else content.decode()

    def say(self, **changes: Any) -> tuple[int, Any]:
        return self.ask("POST", "/api/v1/feedback", said(**changes))

    def raised(self) -> int:
        return len(self.feedback.marks().raises)


def said(query: str = "cpu", **changes: Any) -> dict[str, Any]:
    labels = {"for": query, "model_alias": "m", **SERIES}
    return {"labels": labels, "start": NOW_S - 600, "end": NOW_S, "verdict": "false_alarm", "who": "ana"} | changes


def well() -> Report:
    return report_of(Status(queries=(), queued_samples=0), [], version="1", memory_bytes=0)


class Scores(FakePromApi):
    """The highest score that each metric has had lately; -1 is none."""

    def __init__(self, **highest: float) -> None:
        super().__init__(NOW_S)
        self.highest = highest
        self.exprs: list[str] = []

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        if self.fault is not None:
            raise self.fault
        self.exprs.append(expr)
        name = expr.removeprefix("max(max_over_time(").partition("{")[0]
        found = [[self.highest[name]]] if name in self.highest else [[]]
        return Matrix(keys=[b"{}"] * len(found[0]), times_s=times_s, values=np.array(found))


class Door:
    """One server for all tests of this file: what is behind it changes."""

    def __init__(self) -> None:
        self.app: WsgiApp | None = None
        self.server = WsgiServer(self, listen=HostPort("127.0.0.1", 0))
        self.server.start()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        assert self.app is not None
        return self.app(environ, start_response)

    def open(
        self,
        state_dir: Path,
        *,
        token: bool = True,
        web: WebConfigFile | None = None,
        more: str = "",
        scores: Scores | None = None,
    ) -> Site:
        clock, the = FakeClock(now=NOW_S), config(text(state_dir, token=token, more=more))
        feedback, known = Feedback(the, now=clock.now), SeriesTable()
        known.add(tuple(SERIES.items()))
        source = None if scores is None else lambda _: scores
        api = FeedbackApi(
            feedback, series=lambda _: known.labels, now=clock.now, monotonic=clock.monotonic, source=source
        )
        explain = ExplainApi(config=lambda: the, source=lambda _: Host(), marks=feedback.marks, now=clock.now)
        site = SiteOptions(title="t", version="1", telemetry=Telemetry("detector", "1"), own_auth=OWN_AUTH)
        self.app = common_pages(with_people(application(list, well), api, explain), site, web=web)
        return Site(self.server.port, feedback, clock)


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    one = Door()
    yield one
    one.server.stop()


@pytest.fixture
def site(door: Door, tmp_path: Path) -> Site:
    return door.open(tmp_path)


def test_a_false_alarm_raises_and_can_be_taken_back(site: Site) -> None:
    status, taken = site.say()
    assert (status, taken["effect"], taken["series"]) == (200, "raised", 1)
    assert "raised by 20% until 2027-02-14" in taken["words"]
    assert site.raised() == 1
    status, listed = site.ask("GET", "/api/v1/feedback")
    assert [(one["id"], one["who"], one["counts"]) for one in listed["feedback"]] == [(taken["id"], "ana", True)]
    assert site.ask("DELETE", f"/api/v1/feedback/{taken['id']}") == (200, {"id": taken["id"], "undone": True})
    assert site.raised() == 0


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN.upper(), "ä"])
@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("GET", ""), ("DELETE", "/1f"), ("PUT", ""), ("GET", "/x")])
def test_nobody_may_without_the_token(site: Site, token: str | None, method: str, path: str) -> None:
    status, _ = site.ask(method, f"/api/v1/feedback{path}", said(), token=token)
    assert status == 401
    assert site.raised() == 0


def test_without_a_token_configured_nothing_is_taken(door: Door, tmp_path: Path) -> None:
    assert door.open(tmp_path, token=False).say()[0] == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (said(verdict="harmless"), 400),
        (said(query="unknown"), 422),
        (said(labels={"for": "cpu", "site": "berlin"}), 422),
        (said(labels={"for": "cpu", "model_alias": "m"}), 422),
        (said(labels={"for": "cpu", "instance": "sw2", "n": "a"}), 422),
        (said(labels={"for": "cpu", "instance": "sw2", "n": "a"}, verdict="accepted"), 422),
        (said(labels={"for": "power", "host": "sw1"}, verdict="expected"), 422),
        (said(labels={"for": "cpu", "instance": "sw2"}, verdict="incident"), 422),
        (said(start=NOW_S + 60, end=NOW_S + 60, verdict="accepted"), 400),
        (said(labels=SERIES, verdict="accepted"), 400),
        (b" " * 17_000, 413),
    ],
)
def test_what_cannot_be_taken_is_refused(site: Site, body: Any, status: int) -> None:
    answered, told = site.ask("POST", "/api/v1/feedback", body)
    assert (answered, set(told)) == (status, {"error"})
    assert site.feedback.entries() == ()


def test_the_same_alarm_said_again_says_who_was_first(site: Site) -> None:
    first, again = site.say()[1], site.say(who="ben")[1]
    assert (again["effect"], again["words"].partition(":")[0]) == ("none", f"said before by ana ({first['id']})")


def test_what_did_not_alarm_is_no_false_alarm_unless_forced(door: Door, tmp_path: Path) -> None:
    scores = Scores(anomaly_score=0.254, anomaly_group_score=0.9)
    site = door.open(tmp_path, scores=scores)
    status, told = site.say()
    assert status == 409
    jsonschema.validate(told, SCHEMA["$defs"]["refusal"])
    assert told["error"] == (
        'cpu{instance="sw1", n="a", site="b"} scored 0.25 at the most from 2027-01-15T06:50:00Z to '
        "2027-01-15T08:00:00Z: it did not alarm, "
        'and nothing was kept ("force": true, or --force, keeps it all the same)'
    )
    assert scores.closed
    series = 'anomaly_score{for="cpu", instance="sw1", model_alias="m", n="a", site="b"}'
    device = 'anomaly_group_score{for="cpu", instance="sw1"}'
    assert scores.exprs == [f"max(max_over_time({one}[4200s]))" for one in (series, device)]
    assert site.feedback.entries() == ()
    assert site.say(verdict="expected")[0] == 200  # nothing is claimed to have alarmed
    assert site.say(force=True)[1]["effect"] == "raised"


@pytest.mark.parametrize(
    ("scores", "labels", "status"),
    [
        ({"anomaly_score": 1.2}, SERIES, 200),
        ({"anomaly_score": 0.2, "anomaly_group_score": 1.2}, SERIES, 200),
        ({"anomaly_group_score": 0.2}, SERIES, 200),  # its own scores are not known
        ({}, SERIES, 200),
        ({"anomaly_group_score": 1.2}, {"instance": "sw1"}, 200),
        ({"anomaly_group_score": 0.9, "anomaly_score": 0.5}, {"instance": "sw1"}, 409),
        ({"anomaly_group_score": 0.9, "anomaly_score": 1.5}, {"instance": "sw1"}, 200),
        ({"anomaly_site_score": 0.9, "anomaly_group_score": 2.0}, {"site": "b"}, 409),
        ({"anomaly_site_score": 1.1}, {"site": "b"}, 200),
    ],
)
def test_who_is_said_to_have_alarmed_is_looked_up(
    door: Door, tmp_path: Path, scores: dict[str, float], labels: dict[str, str], status: int
) -> None:
    site = door.open(tmp_path, scores=Scores(**scores))
    answered, told = site.say(labels={"for": "cpu", "model_alias": "m", "severity": "info", **labels})
    assert (answered, site.raised()) == (status, 1 if status == 200 else 0)
    assert "did not alarm" in told.get("error", "did not alarm")


def test_a_server_that_does_not_say_refuses_nobody(door: Door, tmp_path: Path) -> None:
    scores = Scores()
    scores.fault = SourceUnavailableError("away")
    assert door.open(tmp_path, scores=scores).say()[0] == 200
    assert scores.closed


def test_a_device_that_alarmed_is_about_its_series(site: Site) -> None:
    status, taken = site.say(labels={"for": "cpu", "model_alias": "m", "instance": "sw1", "cluster": "eu"})
    assert (status, taken["effect"], taken["series"]) == (200, "raised", 1)
    assert "each series with this instance" in taken["words"]
    (entry,) = site.feedback.marks().raises
    assert (entry.scope, entry.by) == ("device", "instance")


def test_a_site_that_alarmed_is_about_its_series(site: Site) -> None:
    status, taken = site.say(labels={"for": "cpu", "model_alias": "m", "site": "b", "shard": "0"})
    assert (status, taken["effect"], taken["series"]) == (200, "raised", 1)
    assert "each series with this site" in taken["words"]
    (entry,) = site.feedback.marks().raises
    assert about(entry, tuple(SERIES.items()), Identity("cpu", "m", False))
    assert not about(entry, tuple((SERIES | {"site": "c"}).items()), Identity("cpu", "m", False))


def test_a_device_is_known_by_the_label_of_the_configuration(door: Door, tmp_path: Path) -> None:
    site = door.open(tmp_path, more="groups: {device: n}\n")
    status, taken = site.say(labels={"for": "cpu", "model_alias": "m", "n": "a"})
    assert (status, taken["series"]) == (200, 1)
    assert "each series with this n" in taken["words"]


def test_a_protected_query_keeps_its_thresholds_and_the_verdict_is_kept(site: Site) -> None:
    status, taken = site.say(query="power")
    assert (status, taken["effect"]) == (200, "none")
    assert len(site.feedback.entries()) == 1


@pytest.mark.parametrize(("query", "effect"), [("cpu", "accepted"), ("power", "none")])
def test_a_level_is_accepted_unless_the_query_is_protected(site: Site, query: str, effect: str) -> None:
    status, taken = site.say(query=query, verdict="accepted")
    assert (status, taken["effect"], taken["series"]) == (200, effect, 1)
    assert [entry.id for entry in site.feedback.marks().accepts] == [taken["id"]]
    assert site.feedback.pauses(query) == ()
    assert site.ask("DELETE", f"/api/v1/feedback/{taken['id']}")[0] == 200
    assert [entry.id for entry, _ in site.feedback.marks().withdrawn] == [taken["id"]]


@pytest.mark.parametrize("word", ["incident", "expected"])
def test_other_verdicts_are_not_learnt_from(site: Site, word: str) -> None:
    status, taken = site.say(verdict=word)
    assert (status, taken["effect"], taken["series"]) == (200, "not_learnt", 1)
    (pause,) = site.feedback.pauses("cpu")
    assert (pause.begins, pause.to) == (NOW_S - 600, NOW_S)
    assert site.feedback.pauses("power") == ()


def test_verdicts_come_one_by_one(site: Site) -> None:
    statuses = [site.say(verdict="incident")[0] for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    site.clock.advance(2)
    assert site.say(verdict="incident")[0] == 200


def test_methods_and_paths_that_are_none(site: Site) -> None:
    assert site.ask("PUT", "/api/v1/feedback", said())[0] == 405
    assert site.ask("GET", "/api/v1/feedback/1f")[0] == 405
    assert site.ask("DELETE", "/api/v1/feedback/../x")[0] == 404
    assert site.ask("DELETE", "/api/v1/feedback/none")[0] == 404


def test_a_journal_that_cannot_be_written_keeps_nothing(site: Site, tmp_path: Path) -> None:
    (tmp_path / "feedback.jsonl").mkdir()
    status, told = site.say(verdict="incident")
    assert (status, told) == (503, {"error": "the journal cannot be used: nothing was kept; the log says why"})


def test_the_token_is_never_shown(site: Site, tmp_path: Path) -> None:
    site.say()
    assert TOKEN not in json.dumps(site.ask("GET", "/api/v1/feedback")[1])
    assert TOKEN.encode() not in (tmp_path / "feedback.jsonl").read_bytes()


def test_users_of_the_web_config_may_not_and_the_token_opens_nothing_else(door: Door, tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("basic_auth_users: {ana: $2y$10$EYxs8IOG46m9CtpB/XlPxO1ei7E4BjAen0SUv6di7mD4keR/8JO6m}\n")
    site = door.open(tmp_path, web=WebConfigFile(path))
    assert site.say()[0] == 200
    assert site.ask("GET", "/api/v1/explain?series=cpu")[0] == 401


def test_metrics_tell_what_is_in_force(site: Site) -> None:
    site.say()
    site.say(verdict="incident")
    site.say(verdict="accepted")
    registry = CollectorRegistry()
    registry.register(FeedbackCollector(site.feedback))
    name = "heronwatch_detector_feedback_in_force"
    counts = [
        registry.get_sample_value(name, {"verdict": word}) for word in (FALSE_ALARM, "incident", "expected", ACCEPTED)
    ]
    assert counts == [1, 1, 0, 1]


def test_what_the_webhook_says_is_understood(site: Site) -> None:
    """The contract of both sides: the body is made by the webhook's own code."""
    labels = {"alertname": "AnomalyDetected", "severity": "info", "for": "cpu", "model_alias": "m", **SERIES}
    alert = AlertView(name="AnomalyDetected", labels=labels, annotations={}, generator_url="", started_at=NOW_S - 60)
    body = verdict(DetectorBlock(url=HttpUrl.parse(NOWHERE)), alert, NOW_S, "ana")
    status, taken = site.ask("POST", "/api/v1/feedback", body)
    assert (status, taken["effect"], taken["series"]) == (200, "raised", 1)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests" / "golden" / "feedback").glob("*.json")), ids=lambda path: path.stem
)
def test_golden_bodies_of_the_webhook_are_understood(site: Site, path: Path) -> None:
    entry = entry_of(path.read_bytes(), identity="1", now=json.loads(path.read_bytes())["end"])
    assert entry.query


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge an hour ahead of the instant that is explained, instead of a day."""
    monkeypatch.setattr("anomaly_detector.explain.inquiry.LEAD_S", 3600.0)


@pytest.mark.usefixtures("hurried")
def test_a_series_is_explained(site: Site) -> None:
    query = "series=cpu%7Binstance%3D%22sw1%22%2Cn%3D%22a%22%7D"
    status, told = site.ask("GET", f"/api/v1/explain?{query}", token=None)
    assert (status, told["query"], told["said"][0]["model"]) == (200, "cpu", "bank")
    status, words = site.ask("GET", f"/api/v1/explain?{query}&format=text", token=None)
    assert (status, words.splitlines()[0][:27]) == (200, 'cpu{instance="sw1", n="a"} ')


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("GET", "", 400),
        ("GET", "series=%7B", 400),
        ("GET", "series=cpu&at=tomorrow", 400),
        ("GET", "series=cpu", 404),
        ("GET", "series=none", 404),
        ("POST", "series=cpu", 405),
    ],
)
def test_what_cannot_be_explained(site: Site, method: str, query: str, status: int) -> None:
    assert site.ask(method, f"/api/v1/explain?{query}", token=None)[0] == status
