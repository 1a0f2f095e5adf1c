"""What the API lets people do to incidents, and who is said to have done it."""

from base64 import b64encode
from typing import Any

import pytest
from flask.testing import FlaskClient
from msgspec.structs import replace

from alert_webhook.app import main_app
from alert_webhook.capability import new_api_key
from alert_webhook.rights import Role, Scope
from alert_webhook.store import accounts, api_keys, incidents
from alert_webhook.web.blocks import DetectorBlock
from heronwatch.values import HttpUrl
from tests.alert_webhook.web.conftest import PASSWORD
from tests.fakes.canned_http import Canned, canned_http
from tests.fakes.webhook_stack import Random, Stack


class Api:
    """A client of the API as somebody."""

    def __init__(self, client: FlaskClient, authorization: str) -> None:
        self._client, self._headers = client, {"Authorization": authorization}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        how = {"json": body} if body is not None else {}
        return self._client.open(f"/api/v1/{path}", method=method, headers={**self._headers, **headers}, **how)


@pytest.fixture
def client(stack: Stack) -> FlaskClient:
    return main_app(stack.parts, stack.intake).test_client()


@pytest.fixture
def admin(stack: Stack, client: FlaskClient, password_hash: str) -> Api:
    stack.store.write(lambda tx: accounts.save_user(tx, "maria", password_hash, role=Role.ADMIN), "test")
    return Api(client, "Basic " + b64encode(f"maria:{PASSWORD}".encode()).decode())


@pytest.fixture
def key(stack: Stack, client: FlaskClient) -> Api:
    return Api(client, f"Bearer {made_key(stack, Scope.READ, Scope.ACT)}")


@pytest.fixture
def code(stack: Stack) -> str:
    stack.fire("LinkDown", instance="sw1")
    stack.mailbox("ana").expects()
    return str(stack.phone("ana").expects().incident.code)


def made_key(stack: Stack, *scopes: Scope, lives_s: float = 60.0) -> str:
    made, prefix = new_api_key(Random(7))

    def write(tx: Any) -> None:
        ends = tx.now + lives_s
        api_keys.add(tx, made, prefix=prefix, name="tool", scopes=frozenset(scopes), who="x", expires_at=ends)

    stack.store.write(write, "test")
    return made


def timeline(stack: Stack) -> list[tuple[str, str]]:
    return [(event.who, event.text) for event in stack.store.read(lambda tx: incidents.timeline(tx, 1))]


def test_a_key_acknowledges_and_is_named(stack: Stack, key: Api, code: str) -> None:
    done = key("POST", f"incidents/{code.lower()}/ack")
    assert (done.status_code, done.json["answer"], done.json["incident"]["acked_by"]) == (200, "taken", "key tool")
    assert key("POST", f"incidents/{code}/ack").json["answer"] == "already"
    who, text = timeline(stack)[-1] if "cancelled" not in timeline(stack)[-1][1] else timeline(stack)[-2]
    assert (who, text.startswith("acknowledged by key tool, API key hwk_")) == ("key tool", True)


def test_resolving_ends_it_and_a_second_time_is_too_late(stack: Stack, key: Api, code: str) -> None:
    assert key("POST", f"incidents/{code}/resolve").json["incident"]["state"] == "resolved"
    stack.settle()
    stack.phone("ana").expects(reason="resolved")
    stack.mailbox("ana").expects(reason="resolved")
    again = key("POST", f"incidents/{code}/resolve")
    assert (again.status_code, again.json["answer"]) == (409, "over")


def test_giving_it_to_ben_pages_ben(stack: Stack, key: Api, code: str) -> None:
    assert key("POST", f"incidents/{code}/reassign", {"to": "ben"}).json["answer"] == "done"
    stack.settle()
    stack.phone("ben").expects("LinkDown")


def test_the_next_step_comes_when_asked_for(stack: Stack, key: Api, code: str) -> None:
    assert key("POST", f"incidents/{code}/escalate").json["answer"] == "done"
    stack.settle()
    stack.phone("ben").expects("LinkDown")


def test_a_snooze_ends(stack: Stack, key: Api, code: str) -> None:
    assert key("POST", f"incidents/{code}/snooze", {"for": "1h"}).json["incident"]["state"] == "acknowledged"
    stack.fast_forward(minutes=59)
    stack.collect()
    stack.unexpected = [each for each in stack.unexpected if each.reason == "page"]
    stack.nothing_else()
    stack.fast_forward(minutes=2)
    stack.phone("ana").expects("LinkDown", reason="page")
    stack.mailbox("ana").expects("LinkDown", reason="page")


def test_a_snooze_that_is_too_long_says_how_long_it_may_be(key: Api, code: str) -> None:
    assert "`for` is 7d at most" in key("POST", f"incidents/{code}/snooze", {"for": "8d"}).json["error"]


def test_a_note_is_in_the_timeline(stack: Stack, key: Api, code: str) -> None:
    assert key("POST", f"incidents/{code}/notes", {"text": "the fuse\nof rack 3"}).json["answer"] == "done"
    who, text = timeline(stack)[-1]
    assert (who, "the fuse of rack 3" in text) == ("key tool", True)


REFUSED: list[tuple[str, Any, int]] = [
    ("reassign", {"to": "nobody"}, 422),
    ("reassign", {}, 400),
    ("snooze", {"for": "soon"}, 422),
    ("snooze", {}, 422),
    ("snooze", {"for": "1h", "until": 1.0}, 422),
    ("snooze", {"until": 1.0}, 422),
    ("snooze", {"for": "60d"}, 422),
    ("notes", {"text": " "}, 422),
    ("notes", {"text": "x" * 2001}, 422),
    ("notes", {"text": "x", "who": "somebody else"}, 400),
    ("false-alarm", None, 404),  # no detector is configured
]


def test_what_cannot_be_done_changes_nothing(stack: Stack, key: Api, code: str) -> None:
    before = timeline(stack)
    for action, body, status in REFUSED:
        assert key("POST", f"incidents/{code}/{action}", body).status_code == status, (action, body)
    assert timeline(stack) == before


def test_why_the_detector_refuses_a_false_alarm_is_passed_on(stack: Stack, key: Api) -> None:
    stack.fire("LinkDown", **{"for": "cpu"})
    stack.mailbox("ana").expects()
    anomaly = stack.phone("ana").expects().incident.code
    with canned_http(Canned(status=409, body=b'{"error": "it did not alarm"}')) as server:
        stack.settings = replace(stack.settings, detector=DetectorBlock(url=HttpUrl(server.url)))
        answer = key("POST", f"incidents/{anomaly}/false-alarm")
    assert (answer.status_code, answer.json) == (409, {"error": "the detector did not take it: it did not alarm"})


def test_another_site_cannot_use_a_remembered_password(stack: Stack, admin: Api, code: str) -> None:
    forged = admin("POST", f"incidents/{code}/ack", Origin="https://evil.example")
    assert (forged.status_code, "another site" in forged.json["error"]) == (403, True)


def test_a_key_ends_when_it_expires_and_when_it_is_revoked(stack: Stack, client: FlaskClient, admin: Api) -> None:
    key = Api(client, f"Bearer {made_key(stack, Scope.READ)}")
    assert key("GET", "incidents").status_code == 200
    assert admin("DELETE", "keys/1").status_code == 200
    assert key("GET", "incidents").status_code == 401
    assert admin("DELETE", "keys/1").status_code == 404
    made = admin("POST", "keys", {"name": "tool", "scopes": ["read"], "days": 1}).json["key"]
    fresh = Api(client, f"Bearer {made}")
    assert fresh("GET", "incidents").status_code == 200
    stack.clock.advance(86_400)
    assert fresh("GET", "incidents").status_code == 401


def test_a_key_is_stored_as_a_hash_and_shown_once(stack: Stack, admin: Api) -> None:
    made = admin("POST", "keys", {"name": "grafana", "scopes": ["read"]}).json
    listed = admin("GET", "keys").json["keys"]
    assert [(each["prefix"], each["name"], each["created_by"]) for each in listed] == [
        (made["prefix"], "grafana", "maria")
    ]
    assert made["key"] not in str(listed)
    with stack.store.engine.connect() as connection:
        assert made["key"] not in repr(connection.exec_driver_sql("SELECT * FROM api_key").all())


def test_nobody_makes_a_key_that_may_more_than_they(stack: Stack, client: FlaskClient) -> None:
    weak = Api(client, f"Bearer {made_key(stack, Scope.ADMIN, Scope.READ)}")
    assert weak("POST", "keys", {"name": "x", "scopes": ["incidents:act"]}).status_code == 403
    assert weak("POST", "keys", {"name": "x", "scopes": ["read"]}).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "scopes": ["read"]},
        {"name": "a\nb", "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": ["read"], "days": 401},
    ],
)
def test_a_wrong_key_is_not_made(admin: Api, body: dict[str, Any]) -> None:
    assert admin("POST", "keys", body).status_code == 422
    assert admin("GET", "keys").json == {"keys": []}


def test_every_change_says_who(stack: Stack, admin: Api) -> None:
    window = {
        "title": "switch swap",
        "match": {"site": "north"},
        "from": "2027-01-15T07:00Z",
        "to": "2027-01-15T09:00Z",
    }
    number = admin("POST", "maintenance", window).json["id"]
    assert admin("DELETE", f"maintenance/{number}").status_code == 200
    admin("POST", "keys", {"name": "tool", "scopes": ["read"]})
    changes = admin("GET", "changes").json["changes"]
    assert [(each["who"], each["via"], each["action"]) for each in changes] == [
        ("maria", "API", "key made"),
        ("maria", "API", "maintenance ended"),
        ("maria", "API", "maintenance announced"),
    ]


def test_a_role_counts_at_once(stack: Stack, admin: Api) -> None:
    assert admin("GET", "users").json == {"users": [{"name": "maria", "role": "admin"}]}
    stack.store.write(lambda tx: accounts.set_role(tx, "maria", Role.VIEWER), "test")
    assert admin("GET", "users").status_code == 403
    assert admin("GET", "incidents").status_code == 200


def test_guessing_a_password_by_basic_has_to_wait(
    stack: Stack, client: FlaskClient, admin: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alert_webhook.web import password_checks

    monkeypatch.setattr(password_checks, "verify", lambda _hash, password: password == PASSWORD)
    wrong = Api(client, "Basic " + b64encode(b"maria:wrong").decode())
    assert [wrong("GET", "incidents").status_code for _ in range(9)] == [401] * 8 + [429]
    refused = admin("GET", "incidents")
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 800) == (429, True)


def test_maintenance_is_announced_listed_and_ended(stack: Stack, admin: Api) -> None:
    asked = {
        "title": "nights",
        "match": {"site": "north"},
        "match_re": {"instance": "sw-.*"},
        "from": "2027-01-15T08:00",
        "to": "2027-02-15T08:00",
        "time_zone": "Europe/Madrid",
        "hours": [{"days": ["fri", "sat"], "from": "22:00", "to": "06:00"}],
    }
    number = admin("POST", "maintenance", asked).json["id"]
    (shown,) = admin("GET", "maintenance").json["windows"]
    assert shown == {
        "id": number,
        "title": "nights",
        "match": {"site": "north"},
        "match_re": {"instance": "sw-.*"},
        "from": 1799996400.0,
        "to": 1802674800.0,
        "time_zone": "Europe/Madrid",
        "hours": [{"days": ["fri", "sat"], "from": "22:00", "to": "06:00"}],
        "created_by": "maria",
        "active": False,
        "changes_at": 1800046800.0,
    }
    assert admin("DELETE", f"maintenance/{number}").status_code == 200
    assert admin("GET", "maintenance").json == {"windows": []}
    assert admin("DELETE", f"maintenance/{number}").status_code == 404


def test_maintenance_stops_pages_and_its_end_does_not(stack: Stack, admin: Api) -> None:
    window = {"title": "swap", "match": {"site": "north"}, "from": "2027-01-15T07:00Z", "to": "2027-01-15T08:30Z"}
    assert admin("POST", "maintenance", window).status_code == 201
    stack.fire("LinkDown", site="north")
    stack.nothing_else()
    stack.fast_forward(minutes=31)
    stack.phone("ana").expects("LinkDown")
    stack.mailbox("ana").expects("LinkDown")


@pytest.mark.parametrize(
    "change",
    [
        {"match": {}},
        {"to": "2027-01-15T06:00Z"},
        {"from": "soon"},
        {"time_zone": "Europe/Madird"},
        {"match_re": {"instance": "[("}},
        {"title": " "},
        {"hours": [{"days": []}]},
        {"hours": [{"from": "25:00"}]},
    ],
)
def test_a_wrong_window_is_refused(admin: Api, change: dict[str, Any]) -> None:
    window = {"title": "swap", "match": {"site": "n"}, "from": "2027-01-15T07:00Z", "to": "2027-01-16T08:30Z"}
    assert admin("POST", "maintenance", {**window, **change}).status_code == 422
