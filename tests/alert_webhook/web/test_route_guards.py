"""Every route of both applications: who may ask for what, and what asking without a right tells (nothing)."""

from base64 import b64encode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from msgspec.structs import replace

from alert_webhook.oncall.blocks import LayerBlock, ScheduleBlock
from alert_webhook.oncall.wall import Zone
from alert_webhook.rights import Role, Scope
from alert_webhook.store import accounts, api_keys, calendar_links, incidents
from alert_webhook.store.database import Transaction
from alert_webhook.web.wanted import PREFIX, WANTED
from tests.alert_webhook.web.conftest import PASSWORD, Form, link_of
from tests.fakes.webhook_stack import TOKEN, Stack

SECRET_WORDS = ("UpsOnBattery", "ups-1", "north")

# who asks: nobody known, a cookie of maria's, the intake's token, viewers, responders and admins by Basic, a key that
# may read, and whoever came by a link
CALLERS = ("stranger", "user", "token", "viewer", "basic", "admin", "key", "link")
READ = (401, 401, 401, 200, 200, 200, 200, 401)
ADMIN = (401, 401, 401, 403, 403, 200, 403, 401)


def act(status: int) -> tuple[int, ...]:
    """What responders and admins may do, answered with `status` as the test asks it."""
    return (401, 401, 401, 403, status, status, 403, 401)


def admin(status: int) -> tuple[int, ...]:
    return (401, 401, 401, 403, 403, status, 403, 401)


def page(others: int, user: int) -> tuple[int, ...]:
    """What only a cookie opens."""
    return (others, user, *(others,) * 6)


def capability(others: int, link: int) -> tuple[int, ...]:
    """What only the link itself opens."""
    return (*(others,) * 7, link)


# (method, rule) → path, and the status for each of CALLERS
MAIN: dict[tuple[str, str], tuple[str, tuple[int, ...]]] = {
    ("POST", "/api/v1/intake/alertmanager/<name>"): (
        "/api/v1/intake/alertmanager/am",
        (401, 401, 400, 401, 401, 401, 401, 401),
    ),
    **{
        (method, f"/api/v1/intake/{type_}/<name>"): (f"/api/v1/intake/{type_}/none", (404,) * 8)
        for type_ in ("grafana", "generic")
        for method in ("POST", "PUT")
    },
    ("GET", "/api/v1/openapi.json"): ("/api/v1/openapi.json", (200,) * 8),
    ("GET", "/api/v1/incidents"): ("/api/v1/incidents", READ),
    ("GET", "/api/v1/incidents/<code>"): ("/api/v1/incidents/{code}", READ),
    ("POST", "/api/v1/incidents/<code>/ack"): ("/api/v1/incidents/{code}/ack", act(200)),
    ("POST", "/api/v1/incidents/<code>/resolve"): ("/api/v1/incidents/NONE/resolve", act(404)),
    ("POST", "/api/v1/incidents/<code>/reassign"): ("/api/v1/incidents/{code}/reassign", act(415)),
    ("POST", "/api/v1/incidents/<code>/snooze"): ("/api/v1/incidents/{code}/snooze", act(415)),
    ("POST", "/api/v1/incidents/<code>/escalate"): ("/api/v1/incidents/NONE/escalate", act(404)),
    ("POST", "/api/v1/incidents/<code>/notes"): ("/api/v1/incidents/{code}/notes", act(415)),
    ("POST", "/api/v1/incidents/<code>/false-alarm"): ("/api/v1/incidents/{code}/false-alarm", act(404)),
    ("GET", "/api/v1/oncall"): ("/api/v1/oncall", READ),
    ("GET", "/api/v1/oncall/shifts/<schedule>"): ("/api/v1/oncall/shifts/network", READ),
    ("POST", "/api/v1/oncall/overrides"): ("/api/v1/oncall/overrides", act(415)),
    ("DELETE", "/api/v1/oncall/overrides/<int:override_id>"): ("/api/v1/oncall/overrides/1", act(404)),
    ("POST", "/api/v1/oncall/calendars"): ("/api/v1/oncall/calendars", act(415)),
    ("DELETE", "/api/v1/oncall/calendars/<int:link_id>"): ("/api/v1/oncall/calendars/9", act(404)),
    ("GET", "/api/v1/maintenance"): ("/api/v1/maintenance", READ),
    ("POST", "/api/v1/maintenance"): ("/api/v1/maintenance", act(415)),
    ("DELETE", "/api/v1/maintenance/<int:window_id>"): ("/api/v1/maintenance/9", act(404)),
    ("GET", "/api/v1/shadow"): ("/api/v1/shadow", READ),
    ("GET", "/api/v1/keys"): ("/api/v1/keys", ADMIN),
    ("POST", "/api/v1/keys"): ("/api/v1/keys", admin(415)),
    ("DELETE", "/api/v1/keys/<int:key_id>"): ("/api/v1/keys/99", admin(404)),
    ("GET", "/api/v1/users"): ("/api/v1/users", ADMIN),
    ("GET", "/api/v1/changes"): ("/api/v1/changes", ADMIN),
    ("GET", "/calendars/<name>"): ("{calendar}", capability(404, 200)),
    ("GET", "/login"): ("/login", (200,) * 8),
    ("POST", "/login"): ("/login", (403,) * 8),
    ("POST", "/logout"): ("/logout", page(303, 403)),
    ("GET", "/incidents"): ("/incidents", page(303, 200)),
    ("GET", "/incidents/<code>"): ("/incidents/{code}", page(303, 200)),
    ("POST", "/incidents/<code>"): ("/incidents/{code}", page(303, 403)),
    ("GET", "/a/<token>"): ("{link}", capability(404, 200)),
    ("POST", "/a/<token>"): ("{link}", capability(404, 403)),
    ("POST", "/callbacks/<provider>"): ("/callbacks/nobody", (404,) * 8),
}
PUBLIC = {key: value for key, value in MAIN.items() if key[1].startswith(("/a/", "/calendars/", "/callbacks/"))}
STRANGE_LINK = "/a/AAAAAAAAAAAAAAAAAAAAAA"
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


def routes(app: Flask) -> set[tuple[str, str]]:
    return {(m, rule.rule) for rule in app.url_map.iter_rules() for m in (rule.methods or set()) - {"HEAD", "OPTIONS"}}


def test_every_route_of_the_main_app_is_in_the_table(main: Flask) -> None:
    assert routes(main) == set(MAIN)


def test_the_guards_table_and_this_one_name_the_same_routes() -> None:
    ours = {(method, rule.removeprefix(PREFIX)) for method, rule in MAIN if rule.startswith(f"{PREFIX}/")}
    assert {key for key in ours if not key[1].startswith("/intake/")} == set(WANTED)


def test_every_route_of_the_public_app_is_in_the_table(public: Flask) -> None:
    assert routes(public) == set(PUBLIC)


CALENDAR = "BBBBBBBBBBBBBBBBBBBBBB"  # a link that was handed out


@pytest.fixture
def code_and_link(stack: Stack) -> tuple[str, str]:
    layer = LayerBlock(people=("ana", "ben"))
    network = ScheduleBlock(time_zone=Zone("Europe/Madrid"), layers=(layer,))
    stack.settings = replace(stack.settings, schedules={"network": network})
    stack.store.write(
        lambda tx: calendar_links.add(tx, CALENDAR, schedule="network", person="", who="x", expires_at=tx.now + 9),
        "test",
    )
    stack.fire("UpsOnBattery", instance="ups-1", site="north")
    stack.mailbox("ana").expects()
    message = stack.phone("ana").expects()
    return message.incident.code, link_of(message)


KEY = f"hwk_00000000_{'C' * 43}"  # a key that may read
ROLES = {"viewer": Role.VIEWER, "basic": Role.RESPONDER, "admin": Role.ADMIN}


@pytest.fixture
def people(stack: Stack, password_hash: str) -> None:
    """A viewer, a responder, an admin, and a key that may read."""

    def write(tx: Transaction) -> None:
        for name, role in ROLES.items():
            accounts.save_user(tx, name, password_hash, role=role)
        scopes = frozenset({Scope.READ})
        api_keys.add(tx, KEY, prefix="hwk_00000000", name="grafana", scopes=scopes, who="x", expires_at=tx.now + 9)

    stack.store.write(write, "test")


def headers_of(caller: str) -> dict[str, str]:
    if caller in ROLES:
        return {"Authorization": "Basic " + b64encode(f"{caller}:{PASSWORD}".encode()).decode()}
    bearer = {"token": TOKEN, "key": KEY}.get(caller)
    return {"Authorization": f"Bearer {bearer}"} if bearer else {}


@pytest.mark.parametrize("caller", CALLERS)
def test_who_may_ask_for_what(
    request: pytest.FixtureRequest,
    desktop: FlaskClient,
    user: str,
    people: None,
    code_and_link: tuple[str, str],
    caller: str,
) -> None:
    """Every route, by one caller; what is not theirs says nothing of the incident either."""
    if caller == "user":
        request.getfixturevalue("signed_in")
    code, link = code_and_link
    if caller != "link":
        link, calendar = STRANGE_LINK, STRANGE_LINK[3:]
    else:
        calendar = CALENDAR
    answers, told = {}, []
    for (method, rule), (path, _statuses) in MAIN.items():
        where = path.format(code=code, link=link, calendar=f"/calendars/{calendar}.ics")
        answer = desktop.open(where, method=method, headers=headers_of(caller))
        answers[method, rule] = answer.status_code
        if answer.status_code != 200 and caller != "link":
            told += [word for word in SECRET_WORDS if word in answer.text]
    assert answers == {key: statuses[CALLERS.index(caller)] for key, (_path, statuses) in MAIN.items()}
    assert told == []


def test_public_app_serves_a_calendar_to_who_has_its_link(phone: FlaskClient, code_and_link: tuple[str, str]) -> None:
    got = phone.get(f"/calendars/{CALENDAR}.ics")
    assert (got.status_code, got.headers["Cache-Control"]) == (200, "private, no-store")
    assert got.text.startswith("BEGIN:VCALENDAR")
    strange = phone.get(f"{STRANGE_LINK.replace('/a/', '/calendars/')}.ics")
    assert (strange.status_code, strange.headers["Cache-Control"]) == (404, "private, no-store")


def test_public_app_serves_nothing_private(phone: FlaskClient, people: None, code_and_link: tuple[str, str]) -> None:
    for method, rule in MAIN:
        if (method, rule) not in PUBLIC:
            path = MAIN[method, rule][0].format(code=code_and_link[0], link="", calendar=f"/calendars/{CALENDAR}.ics")
            answer = phone.open(path, method=method, headers=headers_of("admin"))
            assert answer.status_code == 404, path
            assert not [word for word in SECRET_WORDS if word in answer.text]


@pytest.mark.parametrize("path", ["/", "/metrics", "/config", "/-/reload", "/static/x", "/a", "/a/", "//a/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_public_app_has_no_other_path(phone: FlaskClient, path: str, method: str) -> None:
    assert phone.open(path, method=method).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_asking_changes_nothing(
    stack: Stack, main: Flask, signed_in: FlaskClient, people: None, code_and_link: tuple[str, str], method: str
) -> None:
    """Every route that can be asked with this method, by somebody who may."""
    code, link = code_and_link
    before = stack.store.read(lambda tx: (incidents.get(tx, 1), incidents.timeline(tx, 1)))
    for asked, rule in MAIN:
        if asked == "GET" or method == "OPTIONS":
            path = MAIN[asked, rule][0].format(code=code, link=link, calendar=f"/calendars/{CALENDAR}.ics")
            assert signed_in.open(path, method=method, headers=headers_of("admin")).status_code in {200, 405}
    assert stack.store.read(lambda tx: (incidents.get(tx, 1), incidents.timeline(tx, 1))) == before


def test_everything_that_changes_wants_more_than_a_cookie(
    stack: Stack, signed_in: FlaskClient, people: None, code_and_link: tuple[str, str]
) -> None:
    """What another site could make a browser send: cookies and remembered passwords, a form, but no key of ours."""
    code, link = code_and_link
    before = stack.store.read(lambda tx: (incidents.get(tx, 1), incidents.timeline(tx, 1)))
    forged = {"action": "ack", "user": "maria", "password": "x"}
    for method, rule in MAIN:
        if method in CHANGING:
            path = MAIN[method, rule][0].format(code=code, link=link)
            headers = {"Origin": "https://evil.example", **headers_of("admin")}
            answer = signed_in.open(path, method=method, data=forged, headers=headers)
            assert answer.status_code in {401, 403, 404}, path
    assert stack.store.read(lambda tx: (incidents.get(tx, 1), incidents.timeline(tx, 1))) == before


@pytest.mark.parametrize("path", ["/incidents/", "/login/", "/a/AAAAAAAAAAAAAAAAAAAAAA/"])
def test_no_redirect_to_another_spelling(desktop: FlaskClient, path: str) -> None:
    assert desktop.get(path).status_code == 404


def test_form_posts_to_its_own_address(phone: FlaskClient, code_and_link: tuple[str, str]) -> None:
    form = Form(phone.get(code_and_link[1]).text)
    assert (form.method, form.target) == ("post", None)
