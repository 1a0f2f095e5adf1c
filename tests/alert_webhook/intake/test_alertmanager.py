"""Bodies as Alertmanager sends them, and as nobody should."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_webhook.errors import BadBodyError
from alert_webhook.intake import alertmanager
from alert_webhook.intake.fingerprint import fingerprint
from alert_webhook.intake.single import MAX_ALERT_BYTES, MAX_LABELS
from alert_webhook.intake.update import Delivery, Status

ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "InstanceDown", "instance": "127.0.0.1:9090"},
    "annotations": {"summary": "down"},
    "startsAt": "2020-08-08T14:32:08.326990857Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://p:9090/graph?g0.expr=up",
    "fingerprint": "9860305e8d704683",
}
BODY: dict[str, Any] = {
    "receiver": "team\\.a",
    "status": "firing",
    "alerts": [ALERT],
    "notification_reason": "first notification",
    "groupLabels": {"alertname": "InstanceDown"},
    "commonLabels": {},
    "commonAnnotations": {},
    "routeLabels": {},
    "externalURL": "http://am:9093",
    "version": "4",
    "groupKey": '{}/{team="a"}:{alertname="InstanceDown"}',
    "truncatedAlerts": 0,
}


def decode(raw: bytes) -> Delivery:
    """The one piece of a small body."""
    (delivery,) = alertmanager.decode(raw)
    return delivery


def body(*alerts: Any, **changes: Any) -> bytes:
    return json.dumps({**BODY, "alerts": list(alerts), **changes}).encode()


def changed(**changes: Any) -> dict[str, Any]:
    return {**ALERT, **changes}


def test_a_body_of_the_newest_alertmanager() -> None:
    delivery = decode(body(ALERT))
    (update,) = delivery.updates
    assert delivery.group == '{}/{team="a"}:{alertname="InstanceDown"}'
    assert delivery.source_url == "http://am:9093"
    assert (update.status, update.fingerprint) == (Status.FIRING, "9860305e8d704683")
    assert (update.starts_at_ns, update.ends_at_ns) == (1_596_897_128_326_990_857, None)
    assert update.annotations == {"summary": "down"}


def test_a_fingerprint_is_computed_where_none_is_given() -> None:
    alert = {name: value for name, value in ALERT.items() if name != "fingerprint"}
    assert decode(body(alert)).updates[0].fingerprint == fingerprint(ALERT["labels"])


@pytest.mark.parametrize("given_fingerprint", ["", "nothex", "ABCDEF0123456789", "1" * 17, "0" * 16])
def test_a_fingerprint_that_is_not_that_of_the_labels_is_computed(given_fingerprint: str) -> None:
    alert = changed(fingerprint=given_fingerprint)
    assert decode(body(alert)).updates[0].fingerprint == fingerprint(ALERT["labels"])


def test_truncated_alerts_are_counted() -> None:
    assert decode(body(ALERT, truncatedAlerts=7)).truncated == 7


def test_nul_is_stripped() -> None:
    (update,) = decode(body(changed(labels={"alertname": "a\0b"}))).updates
    assert update.labels == {"alertname": "ab"}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"{" * 100_000, "not_json"),
        (b'{"version":"4","alerts":' + b"[" * 100_000, "not_json"),
        (b"[]", "not_version_4"),
        (b"3", "not_version_4"),
        (b'{"alerts":[]}', "not_version_4"),
        (b'{"version":"4"}', "not_version_4"),
        (b'{"version":"1","alerts":[]}', "not_version_4"),
        (b'{"version":4,"alerts":[]}', "not_version_4"),
        (b'{"version":"4","alerts":{}}', "not_version_4"),
    ],
)
def test_a_body_that_is_none_is_refused_with_a_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(BadBodyError) as caught:
        decode(raw)
    assert caught.value.reason == reason


BAD_ALERTS = [
    (b'"text"', "malformed"),
    (b"null", "malformed"),
    (b"{}", "malformed"),
    (b'{"status":"firing","labels":{}}', "no_labels"),
    (b'{"status":"odd","labels":{"a":"b"}}', "malformed"),
    (b'{"status":"firing","labels":{"a":1}}', "malformed"),
    (b'{"status":"firing","labels":{"a":"\\ud800"}}', "malformed"),
    (b'{"status":"firing","labels":{"a":"\xff"}}', "malformed"),
    (b'{"status":"firing","labels":{"a":"b"},"value":NaN}', "malformed"),
    (b'{"status":"firing","labels":{"a":"b"},"startsAt":"yesterday"}', "bad_time"),
    (b'{"status":"firing","labels":{"a":"b"},"startsAt":"9999-01-01T00:00:00Z"}', "bad_time"),
    (b'{"status":"firing","labels":{"a":"b"},"startsAt":"1066-01-01T00:00:00Z"}', "bad_time"),
    (b'{"status":"firing","labels":{"a":"' + b"x" * MAX_ALERT_BYTES + b'"}}', "too_large"),
    (
        b'{"status":"firing","labels":{' + b",".join(b'"l%d":"x"' % n for n in range(MAX_LABELS + 1)) + b"}}",
        "too_many_labels",
    ),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_ALERTS)
def test_one_bad_alert_costs_itself_only(bad: bytes, reason: str) -> None:
    good = json.dumps(ALERT).encode()
    delivery = decode(b'{"version":"4","alerts":[' + good + b"," + bad + b"," + good + b"]}")
    assert len(delivery.updates) == 2
    (rejected,) = delivery.rejected
    assert rejected.reason == reason
    assert len(rejected.raw) <= 4096


def test_alerts_nested_deeper_than_anything_cost_themselves_only() -> None:
    deep = b'{"status":"firing","labels":{"a":"b"},"more":' + b"[" * 300 + b"]" * 300 + b"}"
    assert len(decode(b'{"version":"4","alerts":[' + deep + b"]}").updates) == 1


@given(st.binary(max_size=200))
def test_any_bytes_are_a_delivery_or_a_bad_body(raw: bytes) -> None:
    with contextlib.suppress(BadBodyError):
        decode(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
ODD_ALERTS = st.dictionaries(st.sampled_from(list(ALERT)), JSON | st.dictionaries(st.text(), st.text()), max_size=8)


@given(st.lists(ODD_ALERTS, max_size=4))
def test_whatever_stands_in_alerts_each_is_read_or_rejected(alerts: list[dict[str, Any]]) -> None:
    raw = json.dumps({**BODY, "alerts": [*alerts, ALERT]}).encode()
    delivery = decode(raw)
    assert len(delivery.updates) + len(delivery.rejected) == len(alerts) + 1
    assert delivery.updates[-1].fingerprint == ALERT["fingerprint"]
    for update in delivery.updates:
        msgspec.json.encode(update)


@pytest.mark.parametrize(
    "outside",
    [r'"groupKey": "\ud800"', r'"groupLabels": {"a": "\ud800"}', r'"commonLabels": {"a": "\udfff"}'],
)
def test_half_a_surrogate_outside_the_alerts_costs_no_alert(outside: str) -> None:
    raw = f'{{"version": "4", {outside}, "alerts": [{json.dumps(ALERT)}]}}'.encode()
    delivery = decode(raw)
    assert [update.labels for update in delivery.updates] == [ALERT["labels"]]
