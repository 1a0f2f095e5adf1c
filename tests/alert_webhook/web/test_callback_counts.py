"""Callbacks that are not believed are counted by channel, whatever names strangers think of."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from msgspec.structs import replace

from alert_webhook.app import public_app
from alert_webhook.delivery.channel import ChannelContext
from alert_webhook.delivery.channels.twilio_sms import PLUGIN, TwilioSmsBlock
from heronwatch.secrets import Secret
from tests.fakes.twilio import ACCOUNT, SENDER
from tests.fakes.webhook_stack import Stack

NAME = "heronwatch_webhook_callbacks_refused_total"


@pytest.fixture
def phone(stack: Stack) -> Iterator[FlaskClient]:
    block = TwilioSmsBlock(account_sid=ACCOUNT, auth_token=Secret("right"), sender=SENDER)
    context = ChannelContext("text", "https://pager.example.org", stack.random, stack.clock.now)
    stack.channels["text"] = PLUGIN.make(block, context)
    yield public_app(replace(stack.parts, callback_refused=stack.meters.callback_refused)).test_client()
    del stack.channels["text"]  # it remembers nothing that it sent


def counted(stack: Stack) -> dict[str, float]:
    families = [family for family in stack.registry.collect() if family.name == NAME.removesuffix("_total")]
    samples = [sample for family in families for sample in family.samples if sample.name == NAME]
    return {sample.labels["channel"]: sample.value for sample in samples}


def test_refusals_have_the_channels_name_and_strangers_share_one(stack: Stack, phone: FlaskClient) -> None:
    for number in range(30):
        assert phone.post(f"/callbacks/made-up-{number}").status_code == 404
    for _ in range(2):
        assert phone.post("/callbacks/text", data={"Body": "ack"}).status_code == 403
    assert phone.post("/callbacks/sms", data={"Body": "ack"}).status_code == 404  # a channel that hears nothing
    assert counted(stack) == {"": 31.0, "text": 2.0}
