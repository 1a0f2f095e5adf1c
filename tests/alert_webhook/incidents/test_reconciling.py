"""What Alertmanager knows against what is here: decided over values."""

import json

import pytest

from alert_webhook.incidents.reconciling import Found, Terms, compare, doubts
from alert_webhook.intake.api_alerts import ApiAlert, Node, alerts_of, started_at
from alert_webhook.intake.fingerprint import fingerprint

NOW = 1_800_000_000.0
TERMS = Terms(gone_after_s=60, missing_after_s=900, settle_s=600, receiver="pager")


def known(
    name: str, *, state: str = "active", receiver: str = "pager", since: str = "2026-01-01T00:00:00Z"
) -> ApiAlert:
    raw = {
        "labels": {"alertname": name},
        "annotations": {"summary": "s"},
        "startsAt": since,
        "endsAt": "2027-01-15T08:10:00Z",
        "status": {"state": state, "silencedBy": [], "inhibitedBy": []},
        "receivers": [{"name": receiver}],
    }
    (alert,) = alerts_of(json.dumps([raw]).encode())
    return alert


def id_of(name: str) -> str:
    return fingerprint({"alertname": name})


def node(*alerts: ApiAlert) -> Node:
    return Node(alerts, started_at=NOW - 10_000)


def compared(here: list[str], *nodes: Node, missed: dict[str, float] | None = None, terms: Terms = TERMS) -> Found:
    return compare([id_of(name) for name in here], nodes, missed=missed or {}, terms=terms, now=NOW)


def test_an_alert_that_no_node_knows_is_gone_after_a_while() -> None:
    first = compared(["A", "B"], node(known("A")))
    assert (first.gone, first.missed) == ((), {id_of("B"): NOW})
    assert compared(["A", "B"], node(known("A")), missed={id_of("B"): NOW - 60}).gone == (id_of("B"),)


@pytest.mark.parametrize("state", ["active", "suppressed", "unprocessed"])
def test_an_alert_that_one_node_knows_in_any_state_is_not_gone(state: str) -> None:
    found = compared(["A"], node(), node(known("A", state=state)), missed={id_of("A"): NOW - 900})
    assert (found.gone, found.missed) == ((), {})


def test_an_active_alert_that_never_arrived_is_missing() -> None:
    assert [each.update.labels for each in compared([], node(known("A"))).missing] == [{"alertname": "A"}]


@pytest.mark.parametrize(
    "nodes",
    [
        (node(known("A", state="suppressed")),),
        (node(known("A", receiver="other")),),
        (node(known("A", since="2027-01-15T07:59:00Z")),),  # a minute ago: it is on its way
        (node(known("A")), node()),  # one node has not heard of it, or has heard of its end
    ],
)
def test_what_would_not_be_sent_here_is_not_missing(nodes: tuple[Node, ...]) -> None:
    assert compared([], *nodes).missing == ()


def test_without_a_receiver_nothing_is_missing() -> None:
    assert compared([], node(known("A")), terms=Terms(60, 900, 600, "")).missing == ()


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ((), "no node"),
        ((node(), Node(trouble="refused")), "refused"),
        ((node(), Node(started_at=NOW - 599)), "may not know its alerts yet"),
        ((node(), Node(started_at=NOW - 600)), ""),
    ],
)
def test_a_node_that_may_not_know_ends_nothing(nodes: tuple[Node, ...], told: str) -> None:
    assert (told in doubts(nodes, TERMS, NOW)) if told else doubts(nodes, TERMS, NOW) == ""


def test_an_alert_that_cannot_be_read_is_left_out() -> None:
    assert alerts_of(b'[{"labels": {}}, 3, {"labels": {"a": 1}}]') == ()


@pytest.mark.parametrize("raw", [b"{}", b"", b'{"uptime": "x"}', b'{"uptime": "0001-01-01T00:00:00Z"}'])
def test_a_node_that_does_not_say_since_when_it_is_up(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        started_at(raw)
