"""Bodies of tens of megabytes: read some alerts at a time, cut into pieces where one value is bad."""

import json
import tracemalloc
from typing import Any

import pytest

from alert_webhook.incidents.transitions import State
from alert_webhook.intake import accepting, alertmanager
from alert_webhook.intake.splitting import elements, members
from alert_webhook.store import views
from tests.fakes.webhook_stack import Stack


def alert(number: int, **labels: str) -> dict[str, Any]:
    shared = {"alertname": "FeederTripped", "severity": "high", "site": "north"}
    return {"status": "firing", "labels": {**shared, "port": str(number), **labels}, "startsAt": "2026-01-01T00:00:00Z"}


def body(alerts: list[Any], **changes: Any) -> bytes:
    return json.dumps(
        {"version": "4", "groupKey": "g", "commonLabels": {"site": "north"}, "alerts": alerts, **changes}
    ).encode()


def test_a_large_body_comes_in_pieces_that_know_what_all_share() -> None:
    found = list(alertmanager.decode(body([alert(n) for n in range(2500)])))
    assert [len(each.updates) for each in found] == [1000, 1000, 500]
    assert {json.dumps(each.shared_labels) for each in found} == {'{"site": "north"}'}


def test_reading_takes_no_more_than_some_alerts_at_a_time() -> None:
    raw = body([{**alert(n), "annotations": {"text": "x" * 2000}} for n in range(8000)])
    tracemalloc.start()
    number = sum(len(each.updates) for each in alertmanager.decode(raw))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert number == 8000
    assert peak < 12e6 < len(raw)  # besides the body itself; all alerts at once would take more than the body


def test_one_bad_value_in_a_large_body_costs_its_alert_only() -> None:
    raw = body([alert(n) for n in range(3000)]).replace(b'"port": "1500"', b'"port": "\xff\\ud800"')
    found = list(alertmanager.decode(raw))
    assert sum(len(each.updates) for each in found) == 2999
    assert [each.reason for piece in found for each in piece.rejected] == ["malformed"]


def test_nothing_of_a_body_that_ends_early_is_kept(stack: Stack) -> None:
    raw = body([alert(n) for n in range(2500)])[:-20]
    reply = stack.intake.accept("am", stack.settings.integrations["am"], raw)
    assert reply.status == 400
    assert stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State))) == []


def test_a_group_in_several_pieces_is_one_incident_led_by_what_all_share(stack: Stack) -> None:
    alerts = [alert(n, instance="first" if n < 1000 else f"later{n}") for n in range(2200)]
    reply = stack.intake.accept("am", stack.settings.integrations["am"], body(alerts))
    assert (reply.status, reply.accepted) == (200, 2200)
    (incident,) = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    assert (incident.firing, incident.total) == (2200, 2200)
    assert incident.title == "FeederTripped · north"  # the first piece alone would have said: · first


def test_large_bodies_are_worked_on_one_at_a_time(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "LARGE_BYTES", 1000)
    monkeypatch.setattr(accepting, "WAIT_FOR_TURN_S", 0.01)
    large, integration = body([alert(n) for n in range(20)]), stack.settings.integrations["am"]
    assert stack.intake._large.acquire(timeout=1)
    assert stack.intake.accept("am", integration, large).status == 503
    assert stack.intake.accept("am", integration, body([alert(1)])).status == 200
    stack.intake._large.release()
    assert stack.intake.accept("am", integration, large).status == 200


SPLIT = [
    (b'{"a": 1, "b": [1, {"x": ",]"}, null]}', {"a": b"1", "b": b'[1, {"x": ",]"}, null]'}),
    (b'{"a": "\\"", "a": 2}', {"a": b"2"}),
    (b"{}", {}),
]


@pytest.mark.parametrize(("raw", "found"), SPLIT)
def test_members_of_an_object(raw: bytes, found: dict[str, bytes]) -> None:
    assert {name: raw[slice(*span)].strip() for name, span in members(raw).items()} == found


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"a": 1}}', b'{"a": 1} x', b'x{"a": 1}', b'{"a: 1}', b"{1: 2}"])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"stands|end|name"):
        members(raw)


@pytest.mark.parametrize(
    ("raw", "found"), [(b"[]", []), (b"[1]", [b"1"]), (b'[1, [2, 3], "a,b", {}]', [b"1", b"[2, 3]", b'"a,b"', b"{}"])]
)
def test_elements_of_a_list(raw: bytes, found: list[bytes]) -> None:
    assert [raw[slice(*span)].strip() for span in elements(raw, (0, len(raw)))] == found
