"""The pages for signed-in users: sign-in, the incident list, one incident."""

import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from alert_webhook.store import accounts, incidents
from alert_webhook.web import password_checks
from alert_webhook.web.password_checks import PasswordChecks, Proof
from alert_webhook.web.sign_in import SESSION_S
from tests.alert_webhook.web.conftest import PASSWORD, Form, both_databases, sign_in
from tests.fakes.webhook_stack import Stack

ANAS = ("phone", "mailbox")


def fire(stack: Stack, name: str, **labels: str) -> str:
    """Start an incident that pages ana; return its code."""
    stack.fire(name, **labels)
    for contact in ANAS:
        message = getattr(stack, contact)("ana").expects(name)
    return str(message.incident.code)


def end(stack: Stack, name: str, **labels: str) -> None:
    stack.resolve(name, **labels)
    for contact in ANAS:
        getattr(stack, contact)("ana").expects(name, reason="resolved")


def press(browser: FlaskClient, path: str) -> Any:
    return browser.post(path, data=Form(browser.get(path).text).fields)


@both_databases
def test_sign_in_leads_to_the_incidents(desktop: FlaskClient, user: str) -> None:
    answer = sign_in(desktop, user, PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (303, "incidents")
    assert "Incidents" in desktop.get("/incidents").text


def test_sign_in_leads_back_to_the_incident(stack: Stack, desktop: FlaskClient, user: str) -> None:
    code = fire(stack, "LinkDown")
    asked = desktop.get(f"/incidents/{code}")
    assert (asked.status_code, asked.headers["Location"]) == (303, f"../login?next=incidents/{code}")
    assert sign_in(desktop, user, PASSWORD, next=f"incidents/{code}").headers["Location"] == f"incidents/{code}"


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "/\\evil", "incidents/../logout", "incidents/A\r\nX: y", "x"]
)
def test_sign_in_leads_nowhere_else(desktop: FlaskClient, user: str, wanted: str) -> None:
    assert sign_in(desktop, user, PASSWORD, next=wanted).headers["Location"] == "incidents"


@both_databases
@pytest.mark.parametrize(
    ("name", "password"),
    [("maria", "wrong"), ("nobody", PASSWORD), ("", ""), ("maria", ""), ("'--", "x" * 5000), ("mar\0ia", "x")],
)
def test_wrong_user_and_wrong_password_look_the_same(desktop: FlaskClient, user: str, name: str, password: str) -> None:
    answer = sign_in(desktop, name, password)
    assert (answer.status_code, "User or password is wrong." in answer.text) == (401, True)
    assert "heronwatch_session" not in "".join(answer.headers.getlist("Set-Cookie"))


def test_unknown_user_costs_a_hash_too(desktop: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str | None] = []

    def verify(password_hash: str | None, password: str) -> bool:
        checked.append(password_hash)
        return False

    monkeypatch.setattr(password_checks, "verify", verify)
    sign_in(desktop, "nobody", "x")
    assert checked == [None]


def test_guessing_a_password_has_to_wait(
    stack: Stack, desktop: FlaskClient, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password_checks, "verify", lambda _hash, password: password == PASSWORD)
    codes = [sign_in(desktop, user, "wrong").status_code for _ in range(9)]
    assert codes == [401] * 8 + [429]
    right = sign_in(desktop, user, PASSWORD)
    assert (right.status_code, right.headers["Retry-After"]) == (429, "901")
    stack.clock.advance(901)
    assert sign_in(desktop, user, PASSWORD).status_code == 303


def test_wrong_tries_of_others_do_not_lock_a_user_out(main: Flask, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_checks, "verify", lambda _hash, password: password == PASSWORD)
    attacker, maria = main.test_client(), main.test_client()
    attacker.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert [sign_in(attacker, user, "wrong").status_code for _ in range(9)][-1] == 429
    assert sign_in(maria, user, PASSWORD).status_code == 303


def test_one_address_tries_no_more_than_forty_names(desktop: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_checks, "verify", lambda _hash, _password: False)
    codes = [sign_in(desktop, f"name{number}", "x").status_code for number in range(41)]
    assert codes == [401] * 40 + [429]


def test_password_checks_do_not_pile_up(stack: Stack, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 64 MiB: more than two at once wait, and are told to come again."""
    inside, most, go, lock = [0], [0], threading.Event(), threading.Lock()

    def verify(_hash: str | None, _password: str) -> bool:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        go.wait(20)
        with lock:
            inside[0] -= 1
        return False

    monkeypatch.setattr(password_checks, "verify", verify)
    monkeypatch.setattr(password_checks, "WAIT_FOR_CHECK_S", 0.2)
    checks = PasswordChecks(stack.parts)
    results: list[Proof] = []

    def attempt(number: int) -> None:
        results.append(checks.check(f"user{number}", "x", None, address="a"))

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    while len(results) < 4:  # those that did not get in
        threads[-1].join(0.01)
    go.set()
    for thread in threads:
        thread.join(20)
    assert most == [2]
    assert sorted(result.wait_s for result in results) == [0.0, 0.0, 0.2, 0.2, 0.2, 0.2]


COOKIES: list[tuple[str, dict[str, str], bool]] = [  # (base URL, headers, secure)
    ("http://localhost", {}, False),
    ("https://localhost", {}, True),
    ("http://pager.example.org", {}, True),  # our external address is https: a proxy ends TLS
    ("http://10.0.0.5:9812", {"Origin": "https://ops.example.org", "Sec-Fetch-Site": "same-origin"}, True),
]


@pytest.mark.parametrize(("address", "headers", "secure"), COOKIES)
def test_session_cookie_is_guarded(main: Flask, user: str, address: str, headers: dict[str, str], secure: bool) -> None:
    browser = main.test_client()
    page = browser.get("/login", base_url=address, headers=headers)
    fields = {**Form(page.text).fields, "user": user, "password": PASSWORD}
    answer = browser.post("/login", base_url=address, data=fields, headers=headers)
    (cookie,) = (c for c in answer.headers.getlist("Set-Cookie") if c.startswith("heronwatch_session="))
    words = {word.strip() for word in cookie.split(";")[1:]}
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"} <= words
    assert ("Secure" in words) is secure
    assert "Domain" not in cookie


def test_session_is_stored_as_a_hash(stack: Stack, signed_in: FlaskClient) -> None:
    cookie = signed_in.get_cookie("heronwatch_session")
    assert cookie is not None
    with stack.store.engine.connect() as connection:
        rows = repr(connection.exec_driver_sql("SELECT * FROM app_session").all())
    assert "maria" in rows
    assert cookie.value not in rows


@both_databases
def test_session_ends_after_a_shift(stack: Stack, signed_in: FlaskClient) -> None:
    stack.clock.advance(SESSION_S - 1)
    assert signed_in.get("/incidents").status_code == 200
    stack.clock.advance(2)
    assert signed_in.get("/incidents").status_code == 303


def test_new_password_ends_sessions(stack: Stack, signed_in: FlaskClient, password_hash: str) -> None:
    stack.store.write(lambda tx: accounts.save_user(tx, "maria", password_hash), "test")
    assert signed_in.get("/incidents").status_code == 303


@both_databases
def test_sign_out_ends_the_session_for_good(signed_in: FlaskClient) -> None:
    token = signed_in.get_cookie("heronwatch_session")
    assert token is not None
    fields = Form(signed_in.get("/incidents").text).fields
    answer = signed_in.post("/logout", data=fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "login")
    signed_in.set_cookie("heronwatch_session", token.value)
    assert signed_in.get("/incidents").status_code == 303


def test_sign_out_wants_its_own_form(signed_in: FlaskClient) -> None:
    assert signed_in.post("/logout", data={"key": "0" * 32}).status_code == 403
    assert signed_in.get("/incidents").status_code == 200


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"key": "0" * 32}, {}),
        ({"key": ""}, {}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
    ],
)
def test_forged_sign_in_is_refused(
    desktop: FlaskClient, user: str, fields: dict[str, str], headers: dict[str, str]
) -> None:
    good = Form(desktop.get("/login").text).fields
    body = {**good, "user": user, "password": PASSWORD, **fields}
    assert desktop.post("/login", data=body, headers=headers).status_code == 403


def test_sign_in_form_of_another_browser_is_refused(main: Flask, user: str) -> None:
    fields = Form(main.test_client().get("/login").text).fields
    victim = main.test_client()
    victim.get("/login")
    assert victim.post("/login", data={**fields, "user": user, "password": PASSWORD}).status_code == 403


@both_databases
def test_list_shows_open_incidents_first(stack: Stack, signed_in: FlaskClient) -> None:
    fire(stack, "Older")
    fire(stack, "Gone")
    end(stack, "Gone")
    text = signed_in.get("/incidents").text
    assert text.index("<strong>Older") < text.index("Ended</h2>") < text.index("<strong>Gone")


FILTERS = [("open", {"Older", "Taken"}), ("unanswered", {"Older"}), ("over", {"Gone"}), ("acknowledged", {"Taken"})]


@both_databases
@pytest.mark.parametrize(("state", "names"), FILTERS)
def test_list_is_filtered_by_state(stack: Stack, signed_in: FlaskClient, state: str, names: set[str]) -> None:
    fire(stack, "Older")
    fire(stack, "Gone")
    end(stack, "Gone")
    press(signed_in, f"/incidents/{fire(stack, 'Taken')}")
    text = signed_in.get("/incidents", query_string={"state": state}).text
    assert {each for each in ("Older", "Gone", "Taken") if f"<strong>{each}" in text} == names


@pytest.mark.parametrize("query", ["state=x", "state=open%00", "state='"])
def test_unknown_filter_is_a_bad_request(signed_in: FlaskClient, query: str) -> None:
    assert signed_in.get(f"/incidents?{query}").status_code == 400


@pytest.mark.parametrize("before", ["0", "-1", "x", "9" * 40, ""])
def test_odd_page_is_the_first(stack: Stack, signed_in: FlaskClient, before: str) -> None:
    fire(stack, "LinkDown")
    assert "LinkDown" in signed_in.get(f"/incidents?state=open&before={before}").text


@both_databases
def test_list_has_pages(stack: Stack, signed_in: FlaskClient) -> None:
    for number in range(52):
        stack.post(stack.alert(f"A{number}", "warning", 0, None, {}), group=str(number))
    first = signed_in.get("/incidents?state=open").text
    assert (first.count('class="row"'), "<strong>A51<" in first, "<strong>A1<" in first) == (50, False, True)
    older = first.partition('<a href="incidents?state=open&amp;before=')[2].partition('"')[0]
    second = signed_in.get(f"/incidents?state=open&before={older}").text
    assert (second.count('class="row"'), ">More<" in second) == (2, False)


def test_incident_is_shown_with_its_timeline(stack: Stack, signed_in: FlaskClient) -> None:
    code = fire(stack, "LinkDown", instance="sw1")
    text = signed_in.get(f"/incidents/{code.lower()}").text
    assert "LinkDown · sw1" in text.replace("</span> <span>", " ")
    assert "page to ana/sms accepted by the provider" in text


@both_databases
def test_user_acknowledges(stack: Stack, signed_in: FlaskClient) -> None:
    code = fire(stack, "LinkDown")
    answer = press(signed_in, f"/incidents/{code}")
    assert (answer.status_code, answer.headers["Location"]) == (303, code)
    assert "Acknowledged by maria" in signed_in.get(f"/incidents/{code}").text
    stack.fast_forward(minutes=60)
    stack.nothing_else()


def test_second_acknowledgement_names_the_first(stack: Stack, signed_in: FlaskClient) -> None:
    path = f"/incidents/{fire(stack, 'LinkDown')}"
    fields = Form(signed_in.get(path).text).fields
    signed_in.post(path, data=fields)
    assert "acknowledged already, by maria" in signed_in.post(path, data=fields).text


def test_acknowledging_what_is_over_says_so(stack: Stack, signed_in: FlaskClient) -> None:
    path = f"/incidents/{fire(stack, 'LinkDown')}"
    fields = Form(signed_in.get(path).text).fields
    end(stack, "LinkDown")
    assert "It was over already" in signed_in.post(path, data=fields).text


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"key": "0" * 32}, {}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
    ],
)
def test_forged_acknowledgement_is_refused(
    stack: Stack, signed_in: FlaskClient, fields: dict[str, str], headers: dict[str, str]
) -> None:
    path = f"/incidents/{fire(stack, 'LinkDown')}"
    good = Form(signed_in.get(path).text).fields
    assert signed_in.post(path, data={**good, **fields}, headers=headers).status_code == 403
    found = stack.store.read(lambda tx: incidents.get(tx, 1))
    assert found is not None
    assert found.acked_by == ""


def test_form_of_one_incident_fits_no_other(stack: Stack, signed_in: FlaskClient) -> None:
    one, two = fire(stack, "One"), fire(stack, "Two")
    fields = Form(signed_in.get(f"/incidents/{one}").text).fields
    assert signed_in.post(f"/incidents/{two}", data=fields).status_code == 403


@both_databases
@pytest.mark.parametrize("path", ["/incidents/NONE", "/incidents/%00", "/incidents/" + "A" * 5000])
def test_unknown_incident_is_not_found(signed_in: FlaskClient, path: str) -> None:
    assert signed_in.get(path).status_code == 404


def test_pages_are_kept_private(signed_in: FlaskClient) -> None:
    headers = signed_in.get("/incidents").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("cookie", ["", "x", "A" * 22, "é", "A" * 3000, "\x01"])
def test_odd_cookies_are_nobody(desktop: FlaskClient, cookie: str) -> None:
    desktop.set_cookie("heronwatch_session", cookie)
    assert desktop.get("/incidents").status_code == 303
