"""Any JSON, by a mapping."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_webhook.app import main_app
from alert_webhook.config import Integration
from alert_webhook.errors import BadBodyError
from alert_webhook.intake import generic
from alert_webhook.intake.blocks import MappingBlock
from alert_webhook.intake.update import Delivery, Status
from heronwatch.secrets import Secret
from tests.fakes.webhook_stack import TOKEN, Stack, config

MAPPING = MappingBlock(
    alerts="events",
    labels={"alertname": "check", "instance": "host.name", "first_tag": "tags.0", "tags": "tags", "port": "port"},
    constant_labels={"severity": "high"},
    annotations={"summary": "text"},
    status="state",
    starts_at="since",
    ends_at="until",
    group="site",
    url="link",
)
EVENT: dict[str, Any] = {
    "check": "disk",
    "host": {"name": "db1"},
    "tags": ["a", "b"],
    "port": 22,
    "text": "nearly\0full",
    "state": "CRITICAL",
    "since": 1_700_000_000,
    "link": "https://monitor.example.org/1",
}


def decode(value: Any, mapping: MappingBlock = MAPPING) -> Delivery:
    (delivery,) = generic.decode(json.dumps(value).encode(), mapping)
    return delivery


def test_a_body_by_its_mapping() -> None:
    delivery = decode({"site": "north", "events": [EVENT]})
    (update,) = delivery.updates
    assert (delivery.group, update.status) == ("north", Status.FIRING)
    assert update.labels == {
        "severity": "high",
        "alertname": "disk",
        "instance": "db1",
        "first_tag": "a",
        "tags": '["a","b"]',
        "port": "22",
    }
    assert update.annotations == {"summary": "nearlyfull"}
    assert (update.starts_at_ns, update.ends_at_ns) == (1_700_000_000 * 10**9, None)
    assert update.generator_url == "https://monitor.example.org/1"


@pytest.mark.parametrize("state", ["ok", "OK", "Resolved", "normal"])
def test_states_that_mean_it_is_over(state: str) -> None:
    assert decode({"events": [{**EVENT, "state": state}]}).updates[0].status is Status.RESOLVED


@pytest.mark.parametrize("since", [1_700_000_000, "1700000000", 1_700_000_000_000, "2023-11-14T22:13:20Z"])
def test_times_in_every_usual_form(since: Any) -> None:
    assert decode({"events": [{**EVENT, "since": since}]}).updates[0].starts_at_ns == 1_700_000_000 * 10**9


def test_one_alert_alone_and_a_list_at_the_top() -> None:
    mapping = MappingBlock(labels={"alertname": "check"})
    assert len(decode(EVENT, mapping).updates) == 1
    assert len(decode([EVENT, {**EVENT, "check": "cpu"}], mapping).updates) == 2


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (3, "malformed"),
        ({"host": {"name": "x"}}, "no_labels"),
        ({**EVENT, "since": "soon"}, "bad_time"),
        ({**EVENT, "since": -5}, "bad_time"),
        ({**EVENT, "since": 1e300}, "bad_time"),
    ],
)
def test_one_bad_alert_costs_itself_only(event: Any, reason: str) -> None:
    delivery = decode({"events": [EVENT, event]})
    assert len(delivery.updates) == 1
    assert [each.reason for each in delivery.rejected] == [reason]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"events": 3}', "no_alerts"),
        (b"{}", "no_alerts"),
        (b" " * (generic.MAX_BYTES + 1), "too_large"),
        (b'{"events": [' + b",".join([b"1"] * (generic.MAX_ALERTS + 1)) + b"]}", "no_alerts"),
    ],
)
def test_what_cannot_be_read_as_a_whole_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(BadBodyError) as caught:
        list(generic.decode(raw, MAPPING))
    assert caught.value.reason == reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(EVENT)), inner, max_size=5),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4))
def test_whatever_the_events_are_each_is_read_or_rejected(events: list[Any]) -> None:
    (delivery,) = generic.decode(json.dumps({"events": events}).encode(errors="replace"), MAPPING)
    assert len(delivery.updates) + len(delivery.rejected) == len(events)


def test_over_http_an_alert_begins_and_ends(stack: Stack) -> None:
    given = Integration(type="generic", policy="default", tokens=(Secret(TOKEN),), mapping=MAPPING)
    stack.settings = config(integrations={"any": given})
    client = main_app(stack.parts, stack.intake).test_client()
    for state in ("CRITICAL", "ok"):
        answer = client.post(
            "/api/v1/intake/generic/any",
            json={"site": "north", "events": [{**EVENT, "state": state}]},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert answer.json == {"status": "ok", "accepted": 1, "quarantined": 0}
