"""A message that tells of several incidents: its page lists them, and one button answers for all."""

import pytest
from flask.testing import FlaskClient
from msgspec.structs import replace

from alert_webhook.config import Delivery, Integration
from alert_webhook.delivery.blocks import CriticalBlock
from alert_webhook.delivery.gate import LiveGate
from alert_webhook.incidents.actions import acknowledge
from alert_webhook.incidents.transitions import State
from alert_webhook.store import incidents, views
from heronwatch.secrets import Secret
from heronwatch.values import Duration
from tests.alert_webhook.web.conftest import Form, both_databases, link_of
from tests.fakes.webhook_stack import TOKEN, Stack, config

HOSTS = 9


@pytest.fixture
def bundle(stack: Stack) -> str:
    """Nine hosts are down, each an incident: one message goes out at once, the next tells of eight; return its link."""
    alone = Integration(tokens=(Secret(TOKEN),), policy="default", group_by=("host",))
    few = Delivery(critical=CriticalBlock(messages=1, bundle_after=Duration(60)))
    people = {key: replace(person, contacts=person.contacts[:1]) for key, person in config().people.items()}
    stack.settings = config(integrations={"am": alone}, delivery=few, people=people)
    stack.gate = LiveGate(lambda: stack.settings)
    hosts = [stack.alert("Down", "critical", float(n), None, {"host": f"h{n}"}) for n in range(HOSTS)]
    assert stack.post(*hosts).status == 200
    stack.settle()
    stack.phone("ana").expects("Down")
    stack.fast_forward(seconds=61)
    message = stack.phone("ana").expects()
    assert message.bundled == HOSTS - 2
    return link_of(message)


def states(stack: Stack) -> list[str]:
    found = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    return sorted(view.state for view in found)


def press(phone: FlaskClient, link: str, action: str, **fields: str) -> int:
    return phone.post(link, data={**Form(phone.get(link).text).fields, "action": action, **fields}).status_code


@both_databases
def test_its_page_lists_them_and_one_button_takes_all(stack: Stack, bundle: str, phone: FlaskClient) -> None:
    page = phone.get(bundle).text
    assert f"Acknowledge all {HOSTS - 1} of this message</button>" in page
    assert page.count("<li class=") == 6
    assert "and 1 more" in page
    assert press(phone, bundle, "ack-all") == 303
    assert states(stack) == [*["acknowledged"] * (HOSTS - 1), "new"]  # the first had a message of its own
    page = phone.get(bundle).text
    assert ("In the same message" in page, "Acknowledged by ana" in page) == (False, True)
    told = [event.text for event in stack.store.read(lambda tx: incidents.timeline(tx, HOSTS))]
    assert told.count("acknowledged by ana, link to ana/sms") == 1


def test_the_large_button_takes_its_own_incident_only(stack: Stack, bundle: str, phone: FlaskClient) -> None:
    assert press(phone, bundle, "ack") == 303
    assert states(stack).count("acknowledged") == 1
    assert f"Acknowledge the other {HOSTS - 2} of this message</button>" in phone.get(bundle).text


def test_what_somebody_has_stays_theirs(stack: Stack, bundle: str, phone: FlaskClient) -> None:
    (other, *_rest) = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset({State.NEW})))
    acknowledge(stack.parts, other.id, who="maria", via="test")
    press(phone, bundle, "ack-all")
    assert {view.acked_by for view in stack.store.read(lambda tx: views.listed(tx, [other.id]))} == {"maria"}


def test_nobody_takes_all_without_the_pages_own_key(stack: Stack, bundle: str, phone: FlaskClient) -> None:
    assert press(phone, bundle, "ack-all", key="0" * 32) == 403
    assert states(stack) == ["new"] * HOSTS


def test_a_message_about_one_incident_says_nothing_of_others(stack: Stack, phone: FlaskClient) -> None:
    stack.fire("LinkDown", severity="high")
    assert "ack-all" not in phone.get(link_of(stack.phone("ana").expects())).text


@both_databases
def test_the_others_can_be_taken_when_the_first_of_them_is_over(stack: Stack, bundle: str, phone: FlaskClient) -> None:
    shown = phone.get(bundle).text.split("In the same message")[0]
    listed = stack.store.read(lambda tx: views.incident_list(tx, states=frozenset(State)))
    (lead,) = [view for view in listed if view.code in shown]
    stack.resolve("Down", host=lead.labels["host"], at=1.0)
    page = phone.get(bundle)
    assert (page.status_code, page.text.count(">Acknowledge</button>")) == (200, 0)
    assert f"Acknowledge the other {HOSTS - 2} of this message</button>" in page.text
    assert press(phone, bundle, "resolve") == 410  # nothing else is left to do with it
    assert states(stack).count("new") == HOSTS - 1
    assert press(phone, bundle, "ack-all") == 200
    assert sorted(states(stack)) == [*["acknowledged"] * (HOSTS - 2), "new", "resolved"]
    assert phone.get(bundle).status_code == 410
