"""JSON that two programs could read differently, or that is meant to hurt: it costs itself, and no other alert.

Each case stands beside a good alert. Where bodies are read alert by alert, the bad one is quarantined or read, and the
good one is committed; a generic body is read as a whole, and refused as a whole. Nothing is half committed, nothing is
a 5xx.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from alert_webhook.config import Integration
from alert_webhook.intake.accepting import Reply
from alert_webhook.intake.blocks import MappingBlock
from alert_webhook.store import quarantine
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import alert
from alert_webhook.store.schema import quarantine as quarantined
from heronwatch.secrets import Secret
from tests.fakes.webhook_stack import TOKEN, Stack, config

TYPES = ("alertmanager", "grafana", "generic")
STARTS = '"startsAt":"2026-01-01T00:00:00Z"'
GOOD = f'{{"status":"firing","labels":{{"alertname":"Good","severity":"none"}},{STARTS}}}'.encode()
MAPPING = MappingBlock(
    alerts="alerts",
    labels={"alertname": "labels.alertname", "severity": "labels.severity", "x": "labels.x"},
    annotations={"summary": "annotations.a"},
    status="status",
    starts_at="startsAt",
)
DEEP = "[" * 5000 + "]" * 5000


def beside(text: str) -> bytes:
    """An alert with something beside its labels."""
    return f'{{"status":"firing","labels":{{"alertname":"Bad","severity":"none"}},{STARTS},{text}}}'.encode()


def among(text: str) -> bytes:
    """An alert with something among its labels."""
    return f'{{"status":"firing","labels":{{"alertname":"Bad","severity":"none",{text}}},{STARTS}}}'.encode()


def since(text: str) -> bytes:
    return f'{{"status":"firing","labels":{{"alertname":"Bad","severity":"none"}},"startsAt":{text}}}'.encode()


READ, KEPT, REFUSED = "read", "quarantined", "the whole body is refused"
CASES: list[tuple[str, bytes, str, str]] = [  # Alertmanager's and Grafana's bodies; generic ones
    ("nested 5000 deep, unknown", beside(f'"x":{DEEP}'), KEPT, REFUSED),
    ("nested 5000 deep, a label", among(f'"x":{DEEP}'), KEPT, REFUSED),
    ("nested 30 deep, unknown", beside('"x":' + "[" * 30 + "]" * 30), READ, READ),
    ("a label twice", among('"x":"1","x":"2"'), READ, READ),
    ("the status twice", beside('"status":"resolved","status":"firing"'), READ, READ),
    ("NaN", beside('"x":NaN'), KEPT, REFUSED),
    ("minus infinity", beside('"x":-Infinity'), KEPT, REFUSED),
    ("a number beyond floats", beside('"x":1e999'), READ, REFUSED),
    ("a number of 5000 digits", beside('"x":' + "9" * 5000), READ, REFUSED),
    ("a label that is a number", among('"x":5'), KEPT, READ),
    ("a label that is null", among('"x":null'), KEPT, READ),
    ("a label that is an object", among('"x":{"y":1}'), KEPT, READ),
    ("10 MiB of annotation", beside('"annotations":{"a":"%s"}' % ("y" * (10 << 20))), KEPT, REFUSED),
    ("1 MiB of label", among('"x":"%s"' % ("y" * (1 << 20))), KEPT, READ),
    ("10,000 labels", among(",".join(f'"l{n}":"v"' for n in range(10_000))), KEPT, READ),
    ("invalid UTF-8", among('"x":"@"').replace(b"@", b"\xff\xfe"), KEPT, REFUSED),
    ("overlong UTF-8", among('"x":"@"').replace(b"@", b"\xc0\xaf"), KEPT, REFUSED),
    ("a surrogate in UTF-8", among('"x":"@"').replace(b"@", b"\xed\xa0\x80"), KEPT, REFUSED),
    ("a raw control character", among('"x":"@"').replace(b"@", b"\x01"), KEPT, REFUSED),
    ("a lone high surrogate", among(r'"x":"\ud800"'), KEPT, REFUSED),
    ("a lone low surrogate in a name", among(r'"\udfff":"x"'), KEPT, REFUSED),
    ("an escaped NUL", among(r'"x":"a\u0000b"'), READ, READ),
    ("an escaped NUL in a name", among(r'"\u0000x":"a"'), READ, READ),
    ("text that turns around", among('"x":"\u202egnp.exe\u2066"'), READ, READ),
    ("a name that turns around", among('"\u202ex":"1"'), READ, READ),
    ("a time that is a number", since("1700000000"), KEPT, READ),
    ("a time that is a number as text", since('"1700000000"'), KEPT, READ),
    ("a time that is no number", since('"nan"'), KEPT, KEPT),
    ("a time without end", since('"inf"'), KEPT, KEPT),
    ("a time beyond everything", since("1e308"), KEPT, KEPT),
    ("a time before 1970", since('"1969-12-31T23:59:59Z"'), KEPT, KEPT),
    ("a year of five digits", since('"99999-01-01T00:00:00Z"'), KEPT, KEPT),
    ("a time that is a list", since("[1]"), KEPT, KEPT),
    ("labels that are a list", b'{"status":"firing","labels":["a"]}', KEPT, KEPT),
    ("an alert that is a text", b'"LinkDown"', KEPT, KEPT),
]


def sent(stack: Stack, type_: str, *alerts: bytes) -> Reply:
    mapping = {"mapping": MAPPING} if type_ == "generic" else {}
    given: dict[str, Any] = {"type": type_, "tokens": (Secret(TOKEN),), "policy": "default", **mapping}
    stack.settings = config(integrations={"in": Integration(**given)})
    version = {"alertmanager": b"4", "grafana": b"1", "generic": b"x"}[type_]
    body = b'{"version":"%s","groupKey":"g","alerts":[%s]}' % (version, b",".join(alerts))
    return stack.intake.accept("in", stack.settings.integrations["in"], body)


def names(stack: Stack) -> set[str]:
    return set(stack.store.read(lambda tx: [name for (name,) in tx.execute(select(alert.c.name))]))


@pytest.mark.parametrize(("raw", "apart", "whole"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_becomes_of_it(stack: Stack, raw: bytes, apart: str, whole: str) -> None:
    for type_ in TYPES:
        expected = whole if type_ == "generic" else apart
        reply = sent(stack, type_, raw, GOOD)
        if expected == REFUSED:
            assert reply.status in {400, 413}, type_
            assert names(stack) == set(), type_
        else:
            assert (reply.status, reply.accepted, reply.quarantined) == (200, 1 + (expected == READ), expected == KEPT)
            assert names(stack) == ({"Good", "Bad"} if expected == READ else {"Good"}), type_
        assert stack.store.read(quarantine.count) == (0 if expected == READ else 1), type_
        stack.store.write(forget, "test")


def forget(tx: Transaction) -> None:
    for table in (alert, quarantined):
        tx.execute(table.delete())


def test_postgresql_takes_what_is_read_and_what_is_kept(stack: Stack) -> None:
    """All of them in one body, on both databases: NUL and broken text are what one of them refuses."""
    reply = sent(stack, "alertmanager", *(raw for _name, raw, _apart, _whole in CASES), GOOD)
    assert reply.status == 200
    assert reply.accepted + reply.quarantined == len(CASES) + 1
    assert names(stack) == {"Good", "Bad"}
    assert stack.store.read(quarantine.count) == reply.quarantined


@pytest.mark.parametrize("type_", ["alertmanager", "grafana"])
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_of_two_lists_of_alerts_the_last_one_counts(stack: Stack, type_: str) -> None:
    version = "4" if type_ == "alertmanager" else "1"
    good = GOOD.decode()
    given: dict[str, Any] = {"type": type_, "tokens": (Secret(TOKEN),), "policy": "default"}
    body = f'{{"version":"{version}","alerts":[{good.replace("Good", "First")}],"alerts":[{good}]}}'
    assert stack.intake.accept("in", Integration(**given), body.encode()).accepted == 1
    assert names(stack) == {"Good"}


RAW = st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["status", "labels", "annotations", "startsAt", "endsAt", "alertname", "\0", "é"]),
                inner,
                max_size=5,
            )
        ),
        max_leaves=10,
    ).map(lambda value: json.dumps(value).encode()),
)


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=RAW)
def test_whatever_stands_in_place_of_an_alert(stack: Stack, type_: str, raw: bytes) -> None:
    reply = sent(stack, type_, raw, GOOD)
    assert reply.status in {200, 400, 422}
    if reply.status == 200:
        assert "Good" in names(stack)
