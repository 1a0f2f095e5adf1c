"""What the detector reads as marks is what the webhook and Alertmanager say: both sides, over real sockets."""

import json
import shutil
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from alert_webhook.app import main_app
from alert_webhook.rights import Role
from alert_webhook.store import accounts
from alert_webhook.store.migrating import migrate
from alert_webhook.store.opening import open_store, sqlite_engine
from alert_webhook.web.api import openapi_text
from anomaly_detector.endpoint import BasicAuth
from anomaly_detector.marks.blocks import Marker, Marks
from anomaly_detector.marks.reader import MarkedPauses
from anomaly_detector.marks.silences import Matcher, Silence
from anomaly_detector.marks.webhook import Incident, WeeklyHours, Window
from anomaly_detector.metrics import Metrics
from heronwatch.httpd_wsgi import WsgiServer
from heronwatch.secrets import Secret
from heronwatch.values import HostPort, HttpUrl
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import Daemon, alertmanager, wait_until
from tests.fakes.quick_password import quick_hash
from tests.fakes.webhook_stack import Stack

SCHEMAS: dict[str, Any] = json.loads(openapi_text())["components"]["schemas"]
JSON_TYPES = {int: "integer", str: "string", float: "number", None: "null"}
PASSWORD = "correct horse battery staple"
SWITCH, RACK = (("ifName", "ge-0/0/0"), ("instance", "sw1")), (("instance", "rack1"),)
DAY_S = 86_400.0


@pytest.mark.parametrize(("ours", "theirs"), [(Incident, "Incident"), (Window, "Window"), (WeeklyHours, "WeeklyHours")])
def test_the_webhook_documents_every_field_that_we_read(ours: type[msgspec.Struct], theirs: str) -> None:
    schema = SCHEMAS[theirs]
    fields = {field.encode_name for field in msgspec.structs.fields(ours)}
    assert fields <= set(schema["properties"])
    if theirs != "WeeklyHours":  # the same words are a body, where they have defaults; answers have them all
        assert fields <= set(schema["required"])


@pytest.mark.parametrize("field", ["started_at", "resolved_at"])
def test_the_webhook_s_times_are_numbers(field: str) -> None:
    assert "number" in SCHEMAS["Incident"]["properties"][field]["type"]


class Webhook:
    """The webhook's own application on a real socket, with an API key made by its own API."""

    def __init__(self, stack: Stack, server: WsgiServer) -> None:
        self.stack, self.url = stack, f"http://127.0.0.1:{server.port}"
        basic = b64encode(f"admin:{PASSWORD}".encode()).decode()
        self.admin = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
        made = self.post("/api/v1/keys", {"name": "detector", "scopes": ["read"], "days": 30})
        self.marker = Marker(url=HttpUrl.parse(self.url), bearer_token=Secret(made["key"]))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = Request(self.url + path, json.dumps(body).encode(), self.admin, method="POST")
        with urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def delete(self, path: str) -> None:
        urlopen(Request(self.url + path, headers=self.admin, method="DELETE"), timeout=10).close()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy, with a user: much faster than one for each test."""
    path = tmp_path_factory.mktemp("migrated") / "webhook.db"
    engine = sqlite_engine(path)
    migrate(engine)
    store = open_store(engine, FakeClock(), time=lambda _connection: 0.0)
    store.write(lambda tx: accounts.save_user(tx, "admin", quick_hash(PASSWORD), role=Role.ADMIN), "test")
    store.close()
    engine.dispose()
    return path


@pytest.fixture
def webhook(tmp_path: Path, migrated: Path) -> Iterator[Webhook]:
    clock, engine = FakeClock(now=time.time()), sqlite_engine(Path(shutil.copy(migrated, tmp_path)))
    store = open_store(engine, clock, time=lambda _connection: clock.now())
    stack = Stack(store, clock)
    server = WsgiServer(main_app(stack.parts, stack.intake), listen=HostPort("127.0.0.1", 0))
    server.start()
    yield Webhook(stack, server)
    server.stop()
    store.close()
    engine.dispose()


class Reading:
    """The detector's reader over one marker."""

    def __init__(self, marks: Marks) -> None:
        self.registry = CollectorRegistry()
        self.marked = MarkedPauses(marks, back_s=14 * DAY_S, metrics=Metrics(self.registry))

    def about(self, labels: tuple[tuple[str, str], ...], at_s: float) -> bool:
        return any(pause.begins <= at_s < pause.to and pause.is_about(labels) for pause in self.marked.pauses)

    def failures(self) -> float:
        found = [s for m in self.registry.collect() for s in m.samples if s.name.endswith("marks_failures_total")]
        return sum(sample.value for sample in found)


def test_an_incident_is_a_pause_until_it_is_resolved(webhook: Webhook) -> None:
    reading = Reading(Marks(webhook=webhook.marker))
    now_s = webhook.stack.clock.now()
    webhook.stack.fire("LinkDown", instance="sw1", ifName="ge-0/0/0")
    reading.marked.read()
    assert reading.failures() == 0
    assert reading.about(SWITCH, now_s + 60)
    assert reading.about((("instance", "sw1"),), now_s - 500)  # `before`: 10 minutes
    assert not reading.about(SWITCH, now_s - 700)
    assert not reading.about(RACK, now_s + 60)
    webhook.stack.fast_forward(minutes=5)
    webhook.stack.resolve("LinkDown", instance="sw1", ifName="ge-0/0/0")
    webhook.stack.fast_forward(minutes=30)
    reading.marked.read()
    assert reading.about(SWITCH, now_s + 60)
    assert not reading.about(SWITCH, now_s + 1900)


def test_a_maintenance_window_is_a_pause_and_stays_one_of_the_past(webhook: Webhook) -> None:
    reading = Reading(Marks(webhook=webhook.marker))
    now_s = webhook.stack.clock.now()
    zone = datetime.fromtimestamp(now_s, UTC)
    body = {
        "title": "new firmware",
        "match": {"site": "berlin"},
        "match_re": {"instance": "sw.*"},
        "from": zone.isoformat(timespec="seconds"),
        "to": (zone + timedelta(hours=2)).isoformat(timespec="seconds"),
    }
    made = webhook.post("/api/v1/maintenance", body)
    reading.marked.read()
    here = (*SWITCH, ("site", "berlin"))
    assert reading.failures() == 0
    assert reading.about(here, now_s + 3600)
    assert not reading.about(SWITCH, now_s + 3600)  # of another site
    assert not reading.about((*RACK, ("site", "berlin")), now_s + 3600)
    webhook.delete(f"/api/v1/maintenance/{made['id']}")
    reading.marked.read()
    assert not reading.about(here, time.time() + 60)


def test_hours_of_a_window_come_again(webhook: Webhook) -> None:
    reading = Reading(Marks(webhook=webhook.marker))
    now_s = webhook.stack.clock.now()
    today = datetime.fromtimestamp(now_s, UTC)
    body = {
        "title": "nightly backup",
        "match": {"instance": "sw1"},
        "from": today.isoformat(timespec="seconds"),
        "to": (today + timedelta(days=30)).isoformat(timespec="seconds"),
        "hours": [{"from": "22:00", "to": "04:00"}],
    }
    webhook.post("/api/v1/maintenance", body)
    reading.marked.read()
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC).timestamp()
    assert reading.about(SWITCH, midnight + 26 * 3600)  # 02:00 of tomorrow
    assert not reading.about(SWITCH, midnight + 36 * 3600)


def test_more_incidents_than_a_page(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomaly_detector.marks.reader.PAGE", 10)
    for number in range(25):
        webhook.stack.post(
            webhook.stack.alert("LinkDown", "warning", 0, None, {"instance": f"h{number}"}), group=f"g{number}"
        )
    reading = Reading(Marks(webhook=webhook.marker))
    reading.marked.read()
    assert sum(reading.about((("instance", f"h{number}"),), time.time() + 60) for number in range(25)) == 25


@pytest.mark.parametrize("change", ["token", "gone"])
def test_a_webhook_that_does_not_answer_leaves_what_is_known(webhook: Webhook, change: str) -> None:
    webhook.stack.fire("LinkDown", instance="sw1")
    reading = Reading(Marks(webhook=webhook.marker))
    reading.marked.read()
    wrong = {
        "token": Marker(url=webhook.marker.url, basic_auth=BasicAuth(username="admin", password=Secret("wrong"))),
        "gone": Marker(url=HttpUrl.parse("http://127.0.0.1:1")),
    }[change]
    other = Reading(Marks(webhook=wrong))
    other.marked.read()
    assert (other.failures(), other.marked.pauses) == (1, ())
    reading.marked._sources[0]._session = other.marked._sources[0]._session
    reading.marked.read()
    assert reading.failures() == 1
    assert reading.about(SWITCH, time.time() + 60)


@pytest.fixture(scope="module")
def silencer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("silencer")
    with alertmanager(folder, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n") as daemon:
        yield daemon


def silence(daemon: Daemon, *matchers: dict[str, Any], from_s: float = -60.0, to_s: float = 3600.0) -> str:
    """Make a silence; times are seconds from now."""
    body = {
        "matchers": list(matchers),
        "startsAt": datetime.fromtimestamp(time.time() + from_s, UTC).isoformat(),
        "endsAt": datetime.fromtimestamp(time.time() + to_s, UTC).isoformat(),
        "createdBy": "ana",
        "comment": "test",
    }
    request = Request(
        f"{daemon.url}/api/v2/silences", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["silenceID"])


def match(name: str, value: str, *, regex: bool = False, equal: bool = True) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": regex, "isEqual": equal}


@pytest.mark.alertmanager
def test_silences_of_a_real_alertmanager_are_pauses(silencer: Daemon) -> None:
    silence(silencer, match("alertname", "LinkDown"), match("instance", "sw1"))
    silence(silencer, match("instance", "ups[0-9]+", regex=True), match("instance", "ups9", equal=False))
    silence(silencer, match("alertname", "Watchdog"))
    silence(silencer, match("instance", "later"), from_s=1800, to_s=5400)
    reading = Reading(Marks(alertmanagers=(Marker(url=HttpUrl.parse(silencer.url)),)))
    reading.marked.read()
    now_s = time.time()
    assert reading.failures() == 0
    found = {name for name in ("sw1", "ups1", "ups9", "rack1", "later") if reading.about((("instance", name),), now_s)}
    assert found == {"sw1", "ups1"}
    assert reading.about((("instance", "later"),), now_s + 3000)


@pytest.mark.alertmanager
def test_an_expired_silence_ends_its_pause(silencer: Daemon) -> None:
    id_ = silence(silencer, match("instance", "short"))
    made_s = time.time()
    reading = Reading(Marks(alertmanagers=(Marker(url=HttpUrl.parse(silencer.url)),)))
    wait_until(lambda: time.time() > made_s + 0.002, 5, "the end to be another millisecond, as Alertmanager cuts them")
    reading.marked.read()
    assert reading.about((("instance", "short"),), made_s)
    urlopen(Request(f"{silencer.url}/api/v2/silence/{id_}", method="DELETE"), timeout=10).close()
    reading.marked.read()
    assert not reading.about((("instance", "short"),), time.time() + 1)
    assert reading.about((("instance", "short"),), made_s)


def test_alertmanager_s_fields_have_its_names() -> None:
    assert {field.encode_name for field in msgspec.structs.fields(Silence)} == {"id", "matchers", "startsAt", "endsAt"}
    assert {field.encode_name for field in msgspec.structs.fields(Matcher)} == {"name", "value", "isRegex", "isEqual"}
