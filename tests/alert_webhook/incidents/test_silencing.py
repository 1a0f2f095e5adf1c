"""Silences that an acknowledgement keeps in a real Alertmanager."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from alert_webhook.config import Integration
from alert_webhook.delivery.channel import IncidentView, Reason
from alert_webhook.incidents.actions import acknowledge, escalate_now
from alert_webhook.incidents.blocks import SilencesBlock
from alert_webhook.incidents.silencing import Silencer
from alert_webhook.incidents.transitions import State
from alert_webhook.intake.blocks import AlertmanagerApi
from alert_webhook.store import incidents, views
from heronwatch.clock import SystemClock
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl
from tests.fakes.daemons import Daemon, alertmanager, free_port, wait_until
from tests.fakes.webhook_stack import TOKEN, Stack, config

AM = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with alertmanager(tmp_path_factory.mktemp("am"), AM) as running:
        yield running


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """A label of each test, by which it finds its own silences in the one Alertmanager."""
    return str(request.node.name)


@pytest.fixture
def am(stack: Stack, daemon: Daemon, place: str) -> Stack:
    """Incidents of an integration whose alerts are silenced while somebody has them; the clock is Alertmanager's."""
    stack.clock.set_now(SystemClock().now())
    set_up(stack, daemon.url)
    stack.fire("LinkDown", severity="high", place=place, quoted='a"b\\c')
    stack.phone("ana").expects()
    return stack


def set_up(stack: Stack, url: str, **changes: Any) -> None:
    api = AlertmanagerApi(urls=(HttpUrl.parse(url),), timeout=Duration(2))
    stack.settings = config(
        integrations={"am": Integration(tokens=(Secret(TOKEN),), policy="default", alertmanager=api)},
        silences=SilencesBlock(integrations=("am",), **changes),
    )


def newest(stack: Stack) -> IncidentView:
    return stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))[0]


def silences(daemon: Daemon, place: str, state: str) -> list[dict[str, Any]]:
    """Silences that this test set, as Alertmanager has them."""
    with urlopen(f"{daemon.url}/api/v2/silences", timeout=20) as answer:
        found = json.load(answer)
    mine = [each for each in found if place in [matcher["value"] for matcher in each["matchers"]]]
    return [each for each in mine if each["status"]["state"] == state]


def test_an_acknowledgement_silences_exactly_its_alerts(am: Stack, daemon: Daemon, place: str) -> None:
    silencer = Silencer(am.parts)
    silencer.turn()
    assert silences(daemon, place, "active") == []
    acknowledge(am.parts, newest(am).id, who="ana", via="test")
    silencer.turn()
    (silence,) = silences(daemon, place, "active")
    labels = {matcher["name"]: matcher["value"] for matcher in silence["matchers"]}
    assert labels == {"alertname": "LinkDown", "severity": "high", "place": place, "quoted": 'a"b\\c'}
    assert silence["createdBy"] == "heronwatch, for ana"
    told = am.store.read(lambda tx: incidents.timeline(tx, newest(am).id))
    assert "1 alert(s) silenced in Alertmanager" in next(e.text for e in told if e.kind.value == "silenced")


def test_a_silence_is_made_longer_while_it_is_needed(am: Stack, daemon: Daemon, place: str) -> None:
    silencer = Silencer(am.parts)
    acknowledge(am.parts, newest(am).id, who="ana", via="test")
    silencer.turn()
    (before,) = silences(daemon, place, "active")
    am.clock.advance(60)
    silencer.turn()
    assert silences(daemon, place, "active") == [before]
    am.clock.advance(400)
    silencer.turn()
    (after,) = silences(daemon, place, "active")
    assert after["endsAt"] > before["endsAt"]


@pytest.mark.parametrize("how", ["resolved", "taken back"])
def test_a_silence_ends_with_the_acknowledgement(am: Stack, daemon: Daemon, place: str, how: str) -> None:
    silencer = Silencer(am.parts)
    acknowledge(am.parts, newest(am).id, who="ana", via="test")
    silencer.turn()
    if how == "resolved":
        am.resolve("LinkDown", severity="high", place=place, quoted='a"b\\c', at=1)
        am.phone("ana").expects(reason=Reason.RESOLVED)
    else:
        escalate_now(am.parts, newest(am).id, who="ana", via="test")
        am.settle()
        am.phone("ben").expects()
    am.clock.set_now(SystemClock().now())
    silencer.turn()
    wait_until(lambda: not silences(daemon, place, "active"), timeout_s=20)
    assert silences(daemon, place, "expired")


def test_an_incident_of_many_alerts_is_not_silenced(am: Stack, daemon: Daemon, place: str) -> None:
    set_up(am, daemon.url, most=1)
    am.fire("LinkDown", severity="high", place=place, instance="sw2")
    acknowledge(am.parts, newest(am).id, who="ana", via="test")
    Silencer(am.parts).turn()
    assert silences(daemon, place, "active") == []


def test_an_alertmanager_that_is_away_is_asked_again(am: Stack, daemon: Daemon, place: str) -> None:
    silencer = Silencer(am.parts)
    set_up(am, f"http://127.0.0.1:{free_port()}")
    acknowledge(am.parts, newest(am).id, who="ana", via="test")
    silencer.turn()
    set_up(am, daemon.url)
    silencer.turn()
    assert silences(daemon, place, "active") == []
    am.clock.advance(31)
    silencer.turn()
    assert len(silences(daemon, place, "active")) == 1
