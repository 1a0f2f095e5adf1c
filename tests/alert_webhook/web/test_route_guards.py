"""Every route of both applications: who may ask for what, and what asking without a right tells (nothing)."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from msgspec.structs import replace

from alert_webhook.oncall.blocks import LayerBlock, ScheduleBlock
from alert_webhook.oncall.wall import Zone
from alert_webhook.store import calendar_links, incidents
from tests.alert_webhook.web.conftest import Form, link_of
from tests.fakes.webhook_stack import TOKEN, Stack

SECRET_WORDS = ("UpsOnBattery", "ups-1", "north")

# (method, rule) → (path, status for a stranger, for a signed-in user, with Basic, with the intake token, with the link)
MAIN = {
    ("POST", "/api/v1/intake/alertmanager/<name>"): ("/api/v1/intake/alertmanager/am", 401, 401, 401, 400, 401),
    ("GET", "/api/v1/incidents"): ("/api/v1/incidents", 401, 401, 200, 401, 401),
    ("GET", "/api/v1/incidents/<code>"): ("/api/v1/incidents/{code}", 401, 401, 200, 401, 401),
    ("GET", "/api/v1/oncall"): ("/api/v1/oncall", 401, 401, 200, 401, 401),
    ("GET", "/api/v1/oncall/shifts/<schedule>"): ("/api/v1/oncall/shifts/network", 401, 401, 200, 401, 401),
    ("POST", "/api/v1/oncall/overrides"): ("/api/v1/oncall/overrides", 401, 401, 415, 401, 401),
    ("DELETE", "/api/v1/oncall/overrides/<int:override_id>"): ("/api/v1/oncall/overrides/1", 401, 401, 404, 401, 401),
    ("POST", "/api/v1/oncall/calendars"): ("/api/v1/oncall/calendars", 401, 401, 415, 401, 401),
    ("DELETE", "/api/v1/oncall/calendars/<int:link_id>"): ("/api/v1/oncall/calendars/9", 401, 401, 404, 401, 401),
    ("GET", "/calendars/<name>"): ("{calendar}", 404, 404, 404, 404, 200),
    ("GET", "/login"): ("/login", 200, 200, 200, 200, 200),
    ("POST", "/login"): ("/login", 403, 403, 403, 403, 403),
    ("POST", "/logout"): ("/logout", 303, 403, 303, 303, 303),
    ("GET", "/incidents"): ("/incidents", 303, 200, 303, 303, 303),
    ("GET", "/incidents/<code>"): ("/incidents/{code}", 303, 200, 303, 303, 303),
    ("POST", "/incidents/<code>"): ("/incidents/{code}", 303, 403, 303, 303, 303),
    ("GET", "/a/<token>"): ("{link}", 404, 404, 404, 404, 200),
    ("POST", "/a/<token>"): ("{link}", 404, 404, 404, 404, 403),
}
PUBLIC = {key: value for key, value in MAIN.items() if key[1].startswith("/a/")}
CALLERS = ("stranger", "user", "basic", "token", "link")
STRANGE_LINK = "/a/AAAAAAAAAAAAAAAAAAAAAA"
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


def routes(app: Flask) -> set[tuple[str, str]]:
    return {(m, rule.rule) for rule in app.url_map.iter_rules() for m in (rule.methods or set()) - {"HEAD", "OPTIONS"}}


def test_every_route_of_the_main_app_is_in_the_table(main: Flask) -> None:
    assert routes(main) == set(MAIN)


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


def headers_of(caller: str) -> dict[str, str]:
    if caller == "basic":
        from base64 import b64encode

        return {"Authorization": "Basic " + b64encode(b"maria:correct horse battery staple").decode()}
    return {"Authorization": f"Bearer {TOKEN}"} if caller == "token" else {}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("method", "rule"), MAIN)
def test_who_may_ask_for_what(
    request: pytest.FixtureRequest,
    desktop: FlaskClient,
    user: str,
    code_and_link: tuple[str, str],
    method: str,
    rule: str,
    caller: str,
) -> None:
    if caller == "user":
        request.getfixturevalue("signed_in")
    code, link = code_and_link
    path, *statuses = MAIN[method, rule]
    by_link = caller == "link"
    where = path.format(
        code=code,
        link=link if by_link else STRANGE_LINK,
        calendar=f"/calendars/{CALENDAR if by_link else STRANGE_LINK[3:]}.ics",
    )
    answer = desktop.open(where, method=method, headers=headers_of(caller))
    assert answer.status_code == statuses[CALLERS.index(caller)]
    if answer.status_code != 200 and caller != "link":
        assert not [word for word in SECRET_WORDS if word in answer.text]


@pytest.mark.parametrize(("method", "rule"), [key for key in MAIN if key not in PUBLIC])
def test_public_app_serves_nothing_private(
    phone: FlaskClient, code_and_link: tuple[str, str], method: str, rule: str
) -> None:
    path = MAIN[method, rule][0].format(code=code_and_link[0], link="", calendar=f"/calendars/{CALENDAR}.ics")
    answer = phone.open(path, method=method, headers=headers_of("basic"))
    assert answer.status_code == 404
    assert not [word for word in SECRET_WORDS if word in answer.text]


@pytest.mark.parametrize("path", ["/", "/metrics", "/config", "/-/reload", "/static/x", "/a", "/a/", "//a/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_public_app_has_no_other_path(phone: FlaskClient, path: str, method: str) -> None:
    assert phone.open(path, method=method).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_asking_changes_nothing(
    stack: Stack, main: Flask, signed_in: FlaskClient, code_and_link: tuple[str, str], method: str
) -> None:
    """Every route that can be asked with this method, by somebody who may."""
    code, link = code_and_link
    before = stack.store.read(lambda tx: (incidents.get(tx, 1), incidents.timeline(tx, 1)))
    for asked, rule in MAIN:
        if asked == "GET" or method == "OPTIONS":
            path = MAIN[asked, rule][0].format(code=code, link=link, calendar=f"/calendars/{CALENDAR}.ics")
            assert signed_in.open(path, method=method, headers=headers_of("basic")).status_code in {200, 405}
    assert stack.store.read(lambda tx: (incidents.get(tx, 1), incidents.timeline(tx, 1))) == before


@pytest.mark.parametrize("rule", sorted({rule for method, rule in MAIN if method in CHANGING}))
def test_everything_that_changes_wants_more_than_a_cookie(
    signed_in: FlaskClient, code_and_link: tuple[str, str], rule: str
) -> None:
    """What another site could make a browser send: cookies, a form, but neither the key nor a header."""
    code, link = code_and_link
    method = next(method for method in sorted(CHANGING) if (method, rule) in MAIN)
    path = MAIN[method, rule][0].format(code=code, link=link)
    forged = {"action": "ack", "user": "maria", "password": "x"}
    answer = signed_in.open(path, method=method, data=forged, headers={"Origin": "https://evil.example"})
    assert answer.status_code in {401, 403}


@pytest.mark.parametrize("path", ["/incidents/", "/login/", "/a/AAAAAAAAAAAAAAAAAAAAAA/"])
def test_no_redirect_to_another_spelling(desktop: FlaskClient, path: str) -> None:
    assert desktop.get(path).status_code == 404


def test_form_posts_to_its_own_address(phone: FlaskClient, code_and_link: tuple[str, str]) -> None:
    form = Form(phone.get(code_and_link[1]).text)
    assert (form.method, form.target) == ("post", None)
