"""SMS by Twilio's API, against an account that checks what Twilio checks."""

import re
from typing import Any

import pytest

from alert_webhook.delivery.channel import ChannelContext, Outcome, Permanent, Receipt
from alert_webhook.delivery.channels.twilio_sms import PLUGIN, TwilioSmsBlock
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.secrets import Secret
from heronwatch.values import HttpUrl, Network
from tests.fakes.channel_rigs import sample_message
from tests.fakes.http_provider import answering
from tests.fakes.raw_server import raw_server
from tests.fakes.twilio import ACCOUNT, KEY, SENDER, SERVICE, Twilio

TO = "+34600000001"


def send(account: Twilio, to: str = TO, **changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "account_sid": ACCOUNT,
        "auth_token": Secret("right"),
        "sender": SENDER,
        "allowed_networks": (Network.parse("127.0.0.0/8"),),
    }
    with raw_server(answering(account.answer)) as server:
        base_url = HttpUrl.parse(f"http://127.0.0.1:{server.port}")
        block = TwilioSmsBlock(**{**values, "base_url": base_url, **changes})
        return PLUGIN.make(block, ChannelContext("sms", "", bytes, lambda: 0.0)).send(sample_message(to))


def test_sms_is_taken() -> None:
    account = Twilio("right")
    assert send(account) == Receipt(f"SM{1:032x}", "queued")
    (taken,) = account.taken
    assert (taken["To"], taken["From"]) == (TO, SENDER)
    assert taken["Body"] == (
        "CRITICAL UpsOnBattery - ups-2 - plant-2 [K7QF]\n"
        "UPS ups-2 runs on battery\n"
        "Began 08:00 UTC, 1 min ago\n"
        "Also: Traffic on core-sw1 Gi1/0/48 is outside its usual band\n"
        "Ack: https://pager.example.org/a/CanaryAckTokenCanary22"
    )


def test_link_is_left_out_where_carriers_drop_it() -> None:
    account = Twilio("right")
    send(account, links=False)
    assert "http" not in account.taken[0]["Body"]


def test_messaging_service_in_place_of_a_number() -> None:
    account = Twilio("right")
    assert isinstance(send(account, sender="", messaging_service_sid=SERVICE), Receipt)
    assert account.taken[0]["MessagingServiceSid"] == SERVICE


def test_api_key_in_place_of_the_accounts_token() -> None:
    assert isinstance(send(Twilio("right", user=KEY), api_key=KEY), Receipt)


def test_wrong_token_is_permanent() -> None:
    assert send(Twilio("another")) == Permanent("HTTP 401, Twilio's error 20003", refused_us=True)


@pytest.mark.parametrize(("code", "hopeless"), [(21211, True), (21614, True), (21610, True), (21408, False)])
def test_hopeless_numbers_are_told_apart(code: int, hopeless: bool) -> None:
    assert send(Twilio("right", refusals={TO: code})) == Permanent(f"HTTP 400, Twilio's error {code}", hopeless)


FAULTS = [
    ("account_sid: AC1", "account_sid"),
    ("from: '600000001'", "is not a phone number in international form (+34600000000)"),
    ("from: '+34 600 00 00 01'", "write +34600000001, without spaces"),
    ("messaging_service_sid: MG0123456789abcdef0123456789abcdef", "give either from or messaging_service_sid"),
    ("base_url: http://api.example.org", "without TLS only addresses inside allowed_networks are reached"),
    ("base_url: https://127.0.0.1", "the address is inside"),
    ("api_key: nonsense", "api_key"),
]


@pytest.mark.parametrize(("line", "fault"), FAULTS)
def test_bad_blocks_are_refused_when_the_configuration_loads(line: str, fault: str) -> None:
    good = {"account_sid": ACCOUNT, "auth_token": "x", "from": f"'{SENDER}'"}
    name = line.partition(":")[0]
    text = "\n".join([*(f"{key}: {value}" for key, value in good.items() if key != name), line])
    with pytest.raises(ConfigError, match=re.escape(fault)):
        loads(text, TwilioSmsBlock)


def test_block_needs_a_sender() -> None:
    with pytest.raises(ConfigError, match="give either from or messaging_service_sid"):
        loads(f"account_sid: {ACCOUNT}\nauth_token: x\n", TwilioSmsBlock)


@pytest.mark.parametrize("address", ["", "600000001", "+34", "+34 600000001", "+346000000010000000", "tel:+34600001"])
def test_bad_numbers_are_refused_when_the_configuration_loads(address: str) -> None:
    assert PLUGIN.address_fault(address)


def test_number_is_shown_in_part() -> None:
    assert PLUGIN.describe_address("+34600000017") == "+34…17"
