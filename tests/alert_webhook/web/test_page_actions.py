"""What the forms of the ack page and of an incident's page do, and what viewers cannot."""

import html
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from flask.testing import FlaskClient
from msgspec.structs import replace

from alert_webhook.rights import Role
from alert_webhook.store import accounts, incidents
from alert_webhook.web.blocks import DetectorBlock
from heronwatch.secrets import Secret
from heronwatch.values import HttpUrl
from tests.alert_webhook.web.conftest import Form, link_of
from tests.fakes.canned_http import Canned, canned_http
from tests.fakes.webhook_stack import Stack

ANOMALY = {"for": "traffic", "instance": "sw1", "ifName": "a", "model_alias": "seasonal"}
SCHEMA = json.loads((Path(__file__).parents[2] / "contracts" / "feedback.schema.json").read_text())


def begun(stack: Stack, **labels: str) -> tuple[str, str]:
    """An incident that pages ana: its code, and her link."""
    stack.fire("LinkDown", **labels)
    stack.mailbox("ana").expects()
    message = stack.phone("ana").expects()
    return message.incident.code, link_of(message)


def press(browser: FlaskClient, path: str, action: str, **fields: str) -> Any:
    key = Form(browser.get(path).text).fields["key"]
    return browser.post(path, data={"key": key, "action": action, **fields})


def timeline(stack: Stack) -> list[str]:
    return [event.text for event in stack.store.read(lambda tx: incidents.timeline(tx, 1))]


def test_the_link_resolves_and_ends_with_it(stack: Stack, phone: FlaskClient) -> None:
    _code, link = begun(stack)
    answer = press(phone, link, "resolve")
    assert (answer.status_code, "<h1>Resolved</h1>" in answer.text) == (200, True)
    assert phone.get(link).status_code == 410
    stack.settle()
    for inbox in (stack.phone("ana"), stack.mailbox("ana")):
        inbox.expects(reason="resolved")
    assert "resolved by ana, link to ana/sms" in timeline(stack)


def test_the_link_pages_the_next_step_now(stack: Stack, phone: FlaskClient) -> None:
    _code, link = begun(stack)
    assert press(phone, link, "escalate").status_code == 303
    stack.settle()
    stack.phone("ben").expects("LinkDown")


def test_the_link_snoozes_and_says_until_when(stack: Stack, phone: FlaskClient) -> None:
    _code, link = begun(stack)
    assert press(phone, link, "snooze", **{"for": "4h"}).status_code == 303
    text = phone.get(link).text
    assert "Acknowledged by ana" in text
    assert "in 4 h" in text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    "fields", [{"action": "snooze", "for": "never"}, {"action": "reassign", "to": "ben"}, {"action": "x"}]
)
def test_the_link_does_nothing_else(stack: Stack, phone: FlaskClient, fields: dict[str, str]) -> None:
    _code, link = begun(stack)
    before = timeline(stack)
    key = Form(phone.get(link).text).fields["key"]
    assert phone.post(link, data={"key": key, **fields}).status_code == 403
    assert timeline(stack) == before


def test_a_user_gives_it_away_and_notes_why(stack: Stack, signed_in: FlaskClient) -> None:
    code, _link = begun(stack)
    path = f"/incidents/{code}"
    assert press(signed_in, path, "note", text="<b>fuse</b> of rack 3").status_code == 303
    assert "&lt;b&gt;fuse&lt;/b&gt; of rack 3" in signed_in.get(path).text
    assert press(signed_in, path, "reassign", to="ben").status_code == 303
    assert "given to ben, no answer yet" in signed_in.get(path).text
    stack.settle()
    stack.phone("ben").expects("LinkDown")


def test_what_cannot_be_done_is_said(stack: Stack, signed_in: FlaskClient) -> None:
    path = f"/incidents/{begun(stack)[0]}"
    assert "That cannot be done" in press(signed_in, path, "reassign", to="nobody").text
    assert "nothing that can be done" in press(signed_in, path, "dance").text


def test_a_viewer_looks_and_changes_nothing(stack: Stack, signed_in: FlaskClient) -> None:
    path = f"/incidents/{begun(stack)[0]}"
    key = Form(signed_in.get(path).text).fields["key"]
    stack.store.write(lambda tx: accounts.set_role(tx, "maria", Role.VIEWER), "test")
    before = timeline(stack)
    text = signed_in.get(path).text
    assert ("LinkDown" in text, "<form" in text) == (True, False)
    assert signed_in.post(path, data={"key": key, "action": "ack"}).status_code == 403
    assert timeline(stack) == before


def detector(stack: Stack, url: str) -> None:
    block = DetectorBlock(url=HttpUrl(url), bearer_token=Secret("detector-secret"))
    stack.settings = replace(stack.settings, detector=block)


def test_a_false_alarm_goes_to_the_detector_and_changes_no_state(stack: Stack, phone: FlaskClient) -> None:
    with canned_http(Canned(status=200, body=b"{}")) as server:
        detector(stack, server.url)
        _code, link = begun(stack, **ANOMALY)
        answer = press(phone, link, "false-alarm")
    assert "The detector was told: false alarm (1 series)." in answer.text
    (asked,) = server.asked
    assert (asked.path, asked.headers["Authorization"]) == ("/api/v1/feedback", "Bearer detector-secret")
    told = json.loads(asked.body)
    assert told == {
        "labels": ANOMALY,
        "start": stack.clock.now(),
        "end": stack.clock.now(),
        "verdict": "false_alarm",
        "who": "ana",
    }
    incident = stack.store.read(lambda tx: incidents.get(tx, 1))
    assert incident is not None
    assert (incident.state, incident.acked_by) == ("new", "")
    assert any("the detector was told: false alarm" in text for text in timeline(stack))


@pytest.mark.parametrize(
    "answer", [Canned(status=500), Canned(status=401), Canned(status=302, headers={"Location": "/"})]
)
def test_a_detector_that_refuses_is_said(stack: Stack, phone: FlaskClient, answer: Canned) -> None:
    with canned_http(answer) as server:
        detector(stack, server.url)
        _code, link = begun(stack, **ANOMALY)
        before = timeline(stack)
        assert "The detector did not take it; nothing has changed." in press(phone, link, "false-alarm").text
    assert timeline(stack) == before


WHY = 'traffic{instance="sw1"} scored 0.25 at the most: it did not alarm, and nothing was kept (--force keeps it)'


def refusal(status: int = 409) -> Canned:
    body = {"error": WHY}
    jsonschema.validate(body, SCHEMA["$defs"]["refusal"])
    return Canned(status=status, body=json.dumps(body).encode())


@pytest.mark.parametrize("status", [409, 422])
def test_why_the_detector_refuses_is_shown(
    stack: Stack, phone: FlaskClient, signed_in: FlaskClient, status: int
) -> None:
    with canned_http(refusal(status)) as server:
        detector(stack, server.url)
        code, link = begun(stack, **ANOMALY)
        before = timeline(stack)
        for browser, path in ((phone, link), (signed_in, f"/incidents/{code}")):
            answer = press(browser, path, "false-alarm")
            assert f"The detector did not take it: {WHY}." in html.unescape(answer.text)
    assert timeline(stack) == before
    for asked in server.asked:
        jsonschema.validate(json.loads(asked.body), SCHEMA)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"error": ""}'])
def test_a_refusal_without_words_is_shown_by_its_status(stack: Stack, phone: FlaskClient, body: bytes) -> None:
    with canned_http(Canned(status=409, body=body)) as server:
        detector(stack, server.url)
        _code, link = begun(stack, **ANOMALY)
        assert "The detector did not take it: it answers 409." in press(phone, link, "false-alarm").text


TAKEN = Canned(status=200, body=b"{}")
OF_TWO = [
    ([refusal(), TAKEN], f"told: false alarm (1 of 2 series); not of the others: {WHY}."),
    ([TAKEN, Canned(status=500)], "told: false alarm (1 of 2 series)."),
    ([refusal(), Canned(status=500)], "The detector did not take it; nothing has changed."),
]


@pytest.mark.parametrize(("answers", "words"), OF_TWO)
def test_each_series_of_an_incident_is_told(
    stack: Stack, phone: FlaskClient, answers: list[Canned], words: str
) -> None:
    with canned_http(*answers) as server:
        detector(stack, server.url)
        _code, link = begun(stack, **ANOMALY)
        stack.fire("LinkDown", **{**ANOMALY, "ifName": "b"})
        assert words in html.unescape(press(phone, link, "false-alarm").text)
    assert [json.loads(one.body)["labels"]["ifName"] for one in server.asked] == ["a", "b"]


def test_the_button_is_there_only_where_it_makes_sense(stack: Stack, phone: FlaskClient) -> None:
    _code, link = begun(stack, **ANOMALY)
    assert "False alarm" not in phone.get(link).text
    detector(stack, "http://127.0.0.1:9")
    assert "False alarm" in phone.get(link).text
    stack.fire("UpsOnBattery")
    stack.mailbox("ana").expects("UpsOnBattery")
    assert "False alarm" not in phone.get(link_of(stack.phone("ana").expects("UpsOnBattery"))).text


def test_every_form_has_the_key_and_no_script(stack: Stack, signed_in: FlaskClient) -> None:
    text = signed_in.get(f"/incidents/{begun(stack)[0]}").text
    forms = re.findall(r"<form.*?</form>", text, re.DOTALL)
    assert len(forms) == 4
    assert all('name="key"' in form for form in forms)
    assert "<script" not in text
