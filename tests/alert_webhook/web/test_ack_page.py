"""The page behind an ack link: looking changes nothing, the button does, and it says who has it."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alert_webhook.capability import token_hash
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.oncall.wall import Zone
from alert_webhook.store import incidents, links
from alert_webhook.web import markup
from alert_webhook.web.chart import Plot, chart
from alert_webhook.web.shown import Offer, Reader, Told
from tests.alert_webhook.web.conftest import Form, both_databases, link_of
from tests.alert_webhook.web.sample import sample_view
from tests.fakes.webhook_stack import Stack

UNKNOWN = "/a/AAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def link(stack: Stack) -> str:
    stack.fire("UpsOnBattery", instance="ups-1", site="north")
    stack.mailbox("ana").expects("UpsOnBattery")
    return link_of(stack.phone("ana").expects("UpsOnBattery"))


def press(browser: FlaskClient, path: str, **headers: str) -> Any:
    fields = Form(browser.get(path).text).fields
    return browser.post(path, data=fields, headers=headers)


def snapshot(stack: Stack) -> Any:
    """Everything that looking at a page could change."""
    return stack.store.read(lambda tx: (incidents.get(tx, 1), incidents.timeline(tx, 1)))


@both_databases
def test_page_says_what_where_since_when_and_who_is_next(link: str, phone: FlaskClient) -> None:
    text = phone.get(link).text
    for words in (
        "UpsOnBattery · ups-1 · north",
        "critical",
        "(just\N{NO-BREAK SPACE}now)",
        "nobody yet",
        "pages ben in 10 min",
    ):
        assert words in text
    assert "cknowledged by" not in text


def test_form_is_plain_html(link: str, phone: FlaskClient) -> None:
    text = phone.get(link).text
    assert '<form method="post">' in text
    assert '<input type="hidden" name="action" value="ack">' in text
    assert '<button type="submit">Acknowledge</button>' in text
    assert "<script" not in text


@both_databases
def test_button_acknowledges_as_the_person_of_the_link(stack: Stack, link: str, phone: FlaskClient) -> None:
    answer = press(phone, link)
    assert (answer.status_code, answer.headers["Location"]) == (303, link.rpartition("/")[2])
    assert "Acknowledged by ana" in phone.get(link).text
    incident, timeline = snapshot(stack)
    assert (incident.state, incident.acked_by) == ("acknowledged", "ana")
    assert "acknowledged by ana, link to ana/sms" in [event.text for event in timeline]


def test_acknowledged_incident_pages_nobody_else(stack: Stack, link: str, phone: FlaskClient) -> None:
    press(phone, link)
    stack.fast_forward(minutes=60)
    stack.nothing_else()


def test_page_gives_the_time_of_the_acknowledgement(stack: Stack, link: str, phone: FlaskClient) -> None:
    press(phone, link)
    stack.clock.advance(125)
    assert "2027-01-15 08:00 UTC</time> (2\N{NO-BREAK SPACE}min\N{NO-BREAK SPACE}ago)" in phone.get(link).text


@both_databases
def test_second_press_says_who_has_it(stack: Stack, phone: FlaskClient) -> None:
    stack.fire("LinkDown")
    stack.mailbox("ana").expects()
    anas = link_of(stack.phone("ana").expects())
    stack.fast_forward(minutes=10)
    bens = link_of(stack.phone("ben").expects())
    stale = Form(phone.get(bens).text).fields  # ben opens the page, ana is faster
    press(phone, anas)
    answer = phone.post(bens, data=stale)
    assert answer.status_code == 200
    assert "This was acknowledged already, by ana." in answer.text
    assert snapshot(stack)[0].acked_by == "ana"


def test_pressing_twice_changes_nothing_the_second_time(stack: Stack, link: str, phone: FlaskClient) -> None:
    fields = Form(phone.get(link).text).fields
    assert phone.post(link, data=fields).status_code == 303
    before = snapshot(stack)
    stack.clock.advance(5)
    assert "acknowledged already, by ana" in phone.post(link, data=fields).text
    assert snapshot(stack) == before


SCANNERS = [  # what mail gateways, chat previews and phones do with a link before a person sees it
    ("GET", {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Safe Links"}),
    ("HEAD", {"User-Agent": "Mozilla/5.0 (compatible; Proofpoint URL Defense)"}),
    ("GET", {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Range": "bytes=0-32768"}),
    ("GET", {"User-Agent": "WhatsApp/2.23.20.0"}),
    ("GET", {"User-Agent": "facebookexternalhit/1.1 Facebot Twitterbot/1.0"}),  # iMessage's preview
    ("GET", {"Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender"}),
    ("OPTIONS", {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}),
    ("GET", {"X-HTTP-Method-Override": "POST"}),
]


@pytest.mark.parametrize(("method", "headers"), SCANNERS)
@pytest.mark.parametrize("query", ["", "?action=ack", "?_method=POST&action=ack&key=x"])
def test_looking_changes_nothing(
    stack: Stack, link: str, phone: FlaskClient, method: str, headers: dict[str, str], query: str
) -> None:
    before = snapshot(stack)
    assert phone.open(link + query, method=method, headers=headers).status_code == 200
    assert snapshot(stack) == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_are_refused(stack: Stack, link: str, phone: FlaskClient, method: str) -> None:
    before = snapshot(stack)
    assert phone.open(link, method=method).status_code == 405
    assert snapshot(stack) == before


REFUSED = [  # (fields over those of the form, headers)
    ({"key": ""}, {}),
    ({"key": "0" * 32}, {}),
    ({"key": "\udcff"}, {}),
    ({"action": ""}, {}),
    ({"action": "reassign", "to": "ben"}, {}),
    ({"action": "note", "text": "x"}, {}),
    ({"action": "snooze", "for": "soon"}, {}),
    ({}, {"Origin": "https://evil.example"}),
    ({}, {"Origin": "https://pager.example.org.evil.example"}),
    ({}, {"Origin": "http://[bad"}),
    ({}, {"Sec-Fetch-Site": "cross-site"}),
    ({}, {"Sec-Fetch-Site": "same-site"}),
    ({}, {"Sec-Fetch-Site": "cross-site", "Origin": "https://pager.example.org"}),
]


@pytest.mark.parametrize(("fields", "headers"), REFUSED)
def test_forged_form_changes_nothing(
    stack: Stack, link: str, phone: FlaskClient, fields: dict[str, str], headers: dict[str, str]
) -> None:
    good = Form(phone.get(link).text).fields
    before = snapshot(stack)
    body = {name: value.encode(errors="surrogateescape") for name, value in {**good, **fields}.items()}
    answer = phone.post(link, data=body, headers=headers)
    assert answer.status_code == 403
    assert "UpsOnBattery" not in answer.text
    assert snapshot(stack) == before


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a script
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},  # what browsers send under Referrer-Policy: no-referrer
        {"Sec-Fetch-Site": "none"},
        {"Origin": "null"},  # an older browser
        {"Origin": "https://pager.example.org"},
        {"Origin": "http://localhost"},  # the address the test client asks for
    ],
)
def test_own_form_is_taken(link: str, phone: FlaskClient, headers: dict[str, str]) -> None:
    assert press(phone, link, **headers).status_code == 303


def test_key_of_one_link_fits_no_other(stack: Stack, phone: FlaskClient) -> None:
    stack.fire("One")
    stack.fire("Two")
    one, two = (link_of(stack.phone("ana").expects(name)) for name in ("One", "Two"))
    stack.mailbox("ana").expects("One")
    stack.mailbox("ana").expects("Two")
    assert phone.post(two, data=Form(phone.get(one).text).fields).status_code == 403


GONE = [("unknown", 404), ("expired", 410), ("revoked", 410)]


@both_databases
@pytest.mark.parametrize(("fate", "status"), GONE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_dead_link_tells_nothing(
    stack: Stack, link: str, phone: FlaskClient, fate: str, status: int, method: str
) -> None:
    fields = Form(phone.get(link).text).fields
    if fate == "expired":
        stack.clock.advance(86_400)
    elif fate == "revoked":
        stack.store.write(lambda tx: links.revoke(tx, 1), "test")
    answer = phone.open(UNKNOWN if fate == "unknown" else link, method=method, data=fields)
    assert answer.status_code == status
    assert "UpsOnBattery" not in answer.text
    assert "ups-1" not in answer.text


def test_link_ends_with_the_incident(stack: Stack, link: str, phone: FlaskClient) -> None:
    stack.resolve("UpsOnBattery", instance="ups-1", site="north")
    stack.phone("ana").expects(reason="resolved")
    stack.mailbox("ana").expects(reason="resolved")
    answer = phone.get(link)
    assert (answer.status_code, "It is over" in answer.text) == (410, True)


@pytest.mark.parametrize(
    "token", ["x", "A" * 21, "A" * 23, "A" * 21 + ".", "A" * 4000, "%00" * 22, "é" * 22, "A" * 21 + "%0a"]
)
def test_what_cannot_be_a_link_is_not_looked_up(stack: Stack, phone: FlaskClient, token: str) -> None:
    stack.store.close()
    assert phone.get(f"/a/{token}").status_code == 404


def test_guessing_is_answered_429_and_real_links_still_open(link: str, phone: FlaskClient) -> None:
    answers = [phone.get(f"/a/{number:022d}").status_code for number in range(40)]
    assert answers == [404] * 30 + [429] * 10
    assert phone.get(link).status_code == 200


def test_guesses_are_forgiven_after_a_minute(stack: Stack, phone: FlaskClient) -> None:
    answer = phone.get(UNKNOWN)
    for number in range(30):
        answer = phone.get(f"/a/{number:022d}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "61")
    stack.clock.advance(61)
    assert phone.get(UNKNOWN).status_code == 404


@pytest.mark.parametrize("case", ["found", "unknown", "forged", "taken"])
def test_headers_keep_the_page_private(link: str, phone: FlaskClient, case: str) -> None:
    answer = {
        "found": lambda: phone.get(link),
        "unknown": lambda: phone.get(UNKNOWN),
        "forged": lambda: phone.post(link),
        "taken": lambda: press(phone, link),
    }[case]()
    headers = answer.headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert "Set-Cookie" not in headers


def test_form_too_large_is_refused(link: str, phone: FlaskClient) -> None:
    assert phone.post(link, data={"key": "x" * 20_000}).status_code == 413


@both_databases
def test_page_is_about_the_open_anomaly_beside_it(stack: Stack, phone: FlaskClient) -> None:
    stack.fire("AnomalyDetected", severity="info", instance="ups-1", ifName="uplink-1")
    stack.fire("UpsOnBattery", instance="ups-1")
    stack.mailbox("ana").expects()
    text = phone.get(link_of(stack.phone("ana").expects())).text
    assert "Beside it" in text
    assert "AnomalyDetected" in text


def test_only_web_links_are_links(stack: Stack, phone: FlaskClient) -> None:
    alert = stack.alert("A", "critical", 0, None, {"instance": "<b>&\"'"})
    alert["annotations"] = {"summary": "<script>alert(1)</script>", "runbook_url": "javascript:alert(1)"}
    alert["generatorURL"] = "https://prom.example.org/graph?g0.expr=up%3D%3D0"
    stack.post(alert)
    stack.engine.turn()
    stack.mailbox("ana").expects()
    text = phone.get(link_of(stack.phone("ana").expects())).text
    assert "javascript:" not in text
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert 'href="https://prom.example.org/graph?g0.expr=up%3D%3D0"' in text


def test_database_away_is_said(stack: Stack, link: str, phone: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from alert_webhook.errors import StoreUnavailableError

    def away(*_: object) -> None:
        raise StoreUnavailableError("database is locked")

    fields = Form(phone.get(link).text).fields
    monkeypatch.setattr(stack.store, "write", away)
    answer = phone.post(link, data=fields)
    assert (answer.status_code, "Try again" in answer.text) == (503, True)


MADRID = Zone("Europe/Madrid")
OFFER = Offer(key="0" * 32, false_alarm=True)
CHART = chart(
    Plot(start=0, end=80, gap_s=3, series=[(t, t * 1.1) for t in range(80)], lower=[(t, 1.0) for t in range(80)])
)
TEXTS = st.text(max_size=3000) | st.text("&<>\"'😀[]^{}\x00\r\n\u202e", max_size=3000)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(texts=st.lists(TEXTS, min_size=1, max_size=12), alerts=st.integers(0, 20))
def test_page_is_small_whatever_the_alerts_say(texts: list[str], alerts: int) -> None:
    view = sample_view(alerts=alerts, say=lambda number: texts[number % len(texts)])
    events = [Event(1, 0.0, Kind.SENT, text) for text in texts]
    told = Told(view=view, context=tuple(texts[:3]), events=events)
    page = markup.ack_page(told, offer=OFFER, person=texts[0][:60], reader=Reader(60.0, MADRID), chart=CHART)
    assert len(page.encode()) < markup.MAX_ACK_BYTES
    assert "Acknowledge</button>" in page


def test_worst_page_is_small() -> None:
    view = replace(sample_view(alerts=20, say=lambda _: "&" * 100_000), total=10_000)
    events = [Event(1, 0.0, Kind.SENT, '"' * 100_000)] * 500
    told = Told(view=view, context=("'" * 9999,) * 3, events=events)
    page = markup.ack_page(told, offer=OFFER, person="x", reader=Reader(0.0, MADRID), chart=CHART)
    assert len(page.encode()) < markup.MAX_ACK_BYTES


def test_database_keeps_only_the_hash(stack: Stack, link: str) -> None:
    token = link.rpartition("/")[2]
    with stack.store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM ack_link").all()
    assert token not in repr(rows)
    assert token_hash(token) in repr(rows)


def test_routes_of_the_public_app(public: Flask) -> None:
    capabilities = {"/a/<token>", "/calendars/<name>"}
    assert {rule.rule for rule in public.url_map.iter_rules()} == {*capabilities, "/callbacks/<provider>"}
