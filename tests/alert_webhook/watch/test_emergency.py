"""A database that is away, full or read-only: the people named are told all the same, and once that it is over."""

import msgspec
import pytest

from alert_webhook.delivery.channel import Message, Outcome, Permanent, Reason, Receipt, Retry, Unknown
from alert_webhook.delivery.render import mail, payload, sms
from alert_webhook.watch.blocks import HealthBlock
from alert_webhook.watch.emergency import AFTER_S, AGAIN_S, Emergency
from tests.fakes.webhook_stack import Stack, config


class Told:
    """A channel that keeps what it is given; `answers` are given one after the other, then all is taken."""

    def __init__(self, *answers: Outcome) -> None:
        self.messages: list[Message] = []
        self._answers = list(answers)

    def send(self, message: Message) -> Outcome:
        self.messages.append(message)
        return self._answers.pop(0) if self._answers else Receipt()

    def close(self) -> None:
        """Hold nothing."""


class Machine:
    """What the emergency is told of."""

    trouble = ""


@pytest.fixture
def machine() -> Machine:
    return Machine()


def emergency(stack: Stack, machine: Machine, channel: Told) -> Emergency:
    stack.settings = config(health=HealthBlock(emergency=("ana",)))
    person = stack.settings.persons()["ana"]
    channels = {contact.channel: channel for contact in person.contacts}
    parts = msgspec.structs.replace(stack.parts, channels=lambda: channels)
    return Emergency(parts, lambda: machine.trouble, stack.registry)


def turns(stack: Stack, made: Emergency, seconds: float, *, step: float = 10.0) -> None:
    """Let so much time go by."""
    for _ in range(int(seconds / step)):
        stack.clock.advance(step)
        made.turn()


def test_a_short_trouble_is_kept_to_itself(stack: Stack, machine: Machine) -> None:
    channel = Told()
    made = emergency(stack, machine, channel)
    machine.trouble = "the database is away"
    made.turn()
    turns(stack, made, AFTER_S - 10)
    machine.trouble = ""
    turns(stack, made, 2 * AFTER_S)
    assert channel.messages == []


def test_a_lasting_trouble_is_told_every_quarter_of_an_hour_and_its_end_once(stack: Stack, machine: Machine) -> None:
    channel = Told()
    made = emergency(stack, machine, channel)
    machine.trouble = "disk full"
    made.turn()
    turns(stack, made, AFTER_S)
    assert len(channel.messages) == 1
    turns(stack, made, AGAIN_S - 20)
    assert len(channel.messages) == 1
    turns(stack, made, 20)
    assert len(channel.messages) == 2
    machine.trouble = ""
    turns(stack, made, 60)
    assert [message.reason for message in channel.messages] == [Reason.PAGE, Reason.PAGE, Reason.RESOLVED]
    assert len({message.id for message in channel.messages}) == 3


@pytest.mark.parametrize("refusal", [Retry("busy"), Permanent("no such address")])
def test_a_contact_that_takes_nothing_is_followed_by_the_next(stack: Stack, machine: Machine, refusal: Outcome) -> None:
    channel = Told(refusal)
    made = emergency(stack, machine, channel)
    contacts = stack.settings.persons()["ana"].contacts
    machine.trouble = "disk full"
    made.turn()
    turns(stack, made, AFTER_S)
    assert [message.recipient.contact for message in channel.messages] == [each.name for each in contacts[:2]]


def test_what_may_have_arrived_is_enough(stack: Stack, machine: Machine) -> None:
    channel = Told(Unknown("cut off"))
    made = emergency(stack, machine, channel)
    machine.trouble = "disk full"
    made.turn()
    turns(stack, made, AFTER_S)
    assert len(channel.messages) == 1


def test_every_form_of_it_says_what_is_wrong(stack: Stack, machine: Machine) -> None:
    channel = Told()
    made = emergency(stack, machine, channel)
    machine.trouble = "the password is swordfish"
    made.turn()
    turns(stack, made, AFTER_S)
    (message,) = channel.messages
    for text in (sms(message, links=True), mail(message).text, str(payload(message))):
        assert "cannot send pages" in text
        assert "swordfish" not in text  # the database's own words stay in the log
